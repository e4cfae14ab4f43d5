import { apiEnvironment, temporalEnvironment, workerEnvironment } from '../../../cli/up/environment.ts';

const env = {
  PATH: '/bin',
  HOME: '/home/someone',
  OPENAI_API_KEY: 'sk-canary',
  OPENAI_BASE_URL: 'http://model/v1',
  CODEBAY_SETUP_SECRETS_FILE: '/secrets.json',
  CODEBAY_API_KEY: 'cbk_canary',
  CODEBAY_MAX_RUNS: '3',
  CODEBAY_MYSQL_URL: 'mysql://user:canary@db/codebay',
  CODEBAY_COS_SECRET_KEY: 'cos-canary',
  AWS_SECRET_ACCESS_KEY: 'aws-canary',
  DOCKER_HOST: 'unix:///engine.sock',
};

test("only the API gets the model's key and the set-up secrets", () => {
  expect(apiEnvironment(env, {})).toEqual({
    PATH: '/bin',
    HOME: '/home/someone',
    OPENAI_API_KEY: 'sk-canary',
    OPENAI_BASE_URL: 'http://model/v1',
    CODEBAY_SETUP_SECRETS_FILE: '/secrets.json',
    CODEBAY_MAX_RUNS: '3',
    CODEBAY_MYSQL_URL: env.CODEBAY_MYSQL_URL,
    CODEBAY_COS_SECRET_KEY: 'cos-canary',
  });
});

test('the worker stops its runs when it is asked to end, reaches the engine, and holds no secret but those of stores', () => {
  expect(workerEnvironment(env, { CODEBAY_DATA: '/data' })).toEqual({
    PATH: '/bin',
    HOME: '/home/someone',
    CODEBAY_MAX_RUNS: '3',
    CODEBAY_MYSQL_URL: env.CODEBAY_MYSQL_URL,
    CODEBAY_COS_SECRET_KEY: 'cos-canary',
    DOCKER_HOST: 'unix:///engine.sock',
    CODEBAY_DATA: '/data',
    CODEBAY_RUNS_ON_SHUTDOWN: 'stop',
  });
});

test('Temporal gets nothing of ours', () => {
  expect(temporalEnvironment(env)).toEqual({ PATH: '/bin', HOME: '/home/someone' });
});
