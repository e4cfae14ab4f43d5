type Environment = Readonly<Record<string, string | undefined>>;

/** What any program needs to run, find certificates and reach the network. */
const COMMON = /^(PATH|HOME|USER|LANG|LC_.*|TZ|TMPDIR|SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS|https?_proxy|no_proxy)$/i;

/** Variables of the CLI alone, and those that only one process may see. */
const NOT_COMMON = new Set([
  'CODEBAY_API_KEY',
  'CODEBAY_URL',
  'CODEBAY_DOWNLOADS',
  'CODEBAY_SETUP_SECRETS_FILE',
  'CODEBAY_RUNS_ON_SHUTDOWN',
  'CODEBAY_KAFKA_OWNER_SECRET',
]);

const pick = (env: Environment, wanted: (name: string) => boolean): Record<string, string> =>
  Object.fromEntries(Object.entries(env).flatMap(([name, value]) => (value !== undefined && wanted(name) ? [[name, value]] : [])));

const isSetting = (name: string): boolean => name.startsWith('CODEBAY_') && !NOT_COMMON.has(name);

export const temporalEnvironment = (env: Environment): Record<string, string> => pick(env, (name) => COMMON.test(name));

/** The API holds the model's key and the set-up secrets; nothing else does. Both it and the worker hold the keys of stores (CODEBAY_COS_SECRET_KEY). */
export const apiEnvironment = (env: Environment, station: Readonly<Record<string, string>>): Record<string, string> => ({
  ...pick(
    env,
    (name) =>
      COMMON.test(name) || isSetting(name) || /^(OPENAI_BASE_URL|OPENAI_API_KEY|CODEBAY_SETUP_SECRETS_FILE|TEMPORAL_NAMESPACE)$/.test(name),
  ),
  ...station,
});

/** Where the Docker engine is: for the worker alone, since whoever reaches the engine can do anything to its machine. */
const ENGINE = /^DOCKER_(HOST|CERT_PATH|TLS_VERIFY)$/;

/** A worker that is asked to end stops its runs with a checkpoint, so that nothing outlives `codebay up`; one that is killed leaves them. */
export const workerEnvironment = (env: Environment, station: Readonly<Record<string, string>>): Record<string, string> => ({
  ...pick(env, (name) => COMMON.test(name) || isSetting(name) || ENGINE.test(name) || name === 'TEMPORAL_NAMESPACE'),
  ...station,
  CODEBAY_RUNS_ON_SHUTDOWN: env.CODEBAY_RUNS_ON_SHUTDOWN || 'stop',
});
