import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGitServer } from '../../demo/git-server.ts';
import { makeRepository } from '../../demo/project-repository.ts';
import { type CodebayClient, CodebayError, createClient, type TaskRequest } from '../../sdk/index.ts';
import { isTerminal } from '../../tasks/status.ts';
import type { TaskView } from '../../tasks/task-view.ts';
import { killProcessesOf } from './footprint.ts';
import type { StationUser } from './hostile-user.ts';
import { type ModelScript, type ScriptedModel, startScriptedModel } from './scripted-model.ts';
import { startStation, type TestStation, temporaryDataDir } from './station.ts';
import { until } from './until.ts';

/** A station on a data folder of its own, with a repository on a git server and a model that the test scripts. */
export interface TaskBench extends AsyncDisposable {
  /** The one that was started last. */
  readonly station: TestStation;
  readonly client: CodebayClient;
  readonly model: ScriptedModel;
  readonly dataDir: string;
  readonly repositoryUrl: string;
  /** The repository itself, bare. */
  readonly repository: string;
  /** A folder for the test's own files, removed at the end. */
  readonly folder: string;
  /** Submits a task on the repository's default branch. */
  submit(task?: Partial<TaskRequest>): Promise<TaskView>;
  /** The task once it has finished; an API that is away is waited for. */
  finished(taskId: string, timeoutMs?: number): Promise<TaskView>;
  /** Starts a station on the same data folder, once the one before has ended. */
  startAgain(): Promise<TestStation>;
}

const awayIsNull = (error: unknown): null => {
  if (error instanceof CodebayError && error.problem.status === 0) return null;
  throw error;
};

/** `project`: the folder that becomes the repository; the demo's where absent. `env` comes on top of what the station needs; `user`: whom root starts the station as. */
export const openTaskBench = async (
  script: ModelScript,
  options: { readonly env?: Readonly<Record<string, string>>; readonly project?: string; readonly user?: StationUser } = {},
): Promise<TaskBench> => {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'codebay-e2e-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const { path: dataDir } = stack.use(await temporaryDataDir());
  if (options.user !== undefined) await chown(dataDir, options.user.uid, options.user.gid);
  const project = options.project ?? join(import.meta.dirname, '../../demo/project');
  const repository = await makeRepository(project, folder, 'project');
  const git = await startGitServer({ root: folder });
  stack.defer(() => git.close());
  const model = await startScriptedModel(script);
  stack.defer(() => model.close());
  // Whatever a failed test left: nothing of it survives the scope.
  stack.defer(() => killProcessesOf(dataDir));
  const env = {
    OPENAI_BASE_URL: model.url,
    CODEBAY_MODELS: 'scripted',
    CODEBAY_GIT_ALLOWED_HOSTS: new URL(git.url).host,
    ...options.user?.env,
    ...options.env,
  };
  let station = await startStation({ dataDir, env, user: options.user });
  let client = createClient(station);
  stack.defer(async () => {
    await station.stop();
  });
  const repositoryUrl = `${git.url}/project.git`;
  const owned = stack.move();
  return {
    get station() {
      return station;
    },
    get client() {
      return client;
    },
    model,
    dataDir,
    repositoryUrl,
    repository,
    folder,
    submit: (task) => client.submit({ source: { type: 'git', url: repositoryUrl }, prompt: 'Mend the project', ...task }),
    finished: (taskId, timeoutMs = 60_000) =>
      until(
        `task ${taskId} has finished`,
        async () => {
          const task = await client.get(taskId).catch(awayIsNull);
          return task !== null && isTerminal(task.status) ? task : null;
        },
        timeoutMs,
      ),
    async startAgain() {
      station = await startStation({ dataDir, env, user: options.user });
      client = createClient(station);
      return station;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
};
