import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeRepository } from '../../../demo/project-repository.ts';
import type { TaskRequest } from '../../../sdk/index.ts';
import { isTerminal } from '../../../tasks/status.ts';
import type { TaskView } from '../../../tasks/task-view.ts';
import type { Answer, ModelScript } from '../../support/scripted-model.ts';
import { until } from '../../support/until.ts';
import type { Deployed } from './deployed.ts';

const DEMO = join(import.meta.dirname, '../../../demo/project');
const FINISHED_MS = 180_000;

export const shell = (command: string, timeoutSeconds = 300): Answer => ({
  calls: [{ name: 'shell', arguments: { command, timeout_seconds: timeoutSeconds } }],
});

/** Answers by how many observations a conversation holds. */
export const inTurns =
  (...answers: readonly Answer[]): ModelScript =>
  ({ body }) =>
    answers[body.messages.filter(({ role }) => role === 'tool').length] ?? { text: 'There is nothing left to do.' };

/** Serves a repository with these files over the demo's, executable ones where they end in `.sh`; returns its URL. */
export const repositoryWith = async (
  { beside, gitGate, folder }: Deployed,
  files: Readonly<Record<string, string>>,
  { project = DEMO, name = crypto.randomUUID() }: { readonly project?: string; readonly name?: string } = {},
): Promise<string> => {
  const draft = await mkdtemp(join(folder, 'project-'));
  await cp(project, draft, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(draft, path)), { recursive: true });
    await writeFile(join(draft, path), content, { mode: path.endsWith('.sh') ? 0o755 : 0o644 });
  }
  await makeRepository(draft, beside.gitRoot, name);
  await rm(draft, { recursive: true });
  return `${gitGate.url}/${name}.git`;
};

/** Submits a task through nginx, whose model is the script. */
export const submit = async (
  system: Deployed,
  script: ModelScript,
  { url, ...task }: Partial<TaskRequest> & { readonly url?: string } = {},
): Promise<TaskView> => {
  const mark = system.beside.scripts.add(script);
  const source = { type: 'git', url: url ?? (await repositoryWith(system, {})) } as const;
  return system.client.submit({ source, prompt: `Mend the project (${mark})`, ...task });
};

export const taskWhen = (
  { client }: Deployed,
  taskId: string,
  what: string,
  is: (task: TaskView) => boolean,
  timeoutMs = FINISHED_MS,
): Promise<TaskView> =>
  until(
    `task ${taskId} ${what}`,
    async () => {
      const task = await client.get(taskId);
      if (is(task)) return task;
      if (isTerminal(task.status)) throw new Error(`task ${taskId} ended (${what} was awaited): ${JSON.stringify(task.failure)}`);
      return null;
    },
    timeoutMs,
  );

export const finished = (system: Deployed, taskId: string, timeoutMs?: number): Promise<TaskView> =>
  taskWhen(system, taskId, 'has finished', ({ status }) => isTerminal(status), timeoutMs);

/** Submits a task and waits for its end. */
export const runTask = async (...given: Parameters<typeof submit>): Promise<TaskView> => finished(given[0], (await submit(...given)).id);

/** Of a test that failed: what it held would keep the next one from its turn. */
export const cancelOpen = async ({ client }: Deployed): Promise<void> => {
  const { data } = await client.list({ limit: 100 });
  await Promise.all(data.filter(({ status }) => !isTerminal(status)).map(({ id }) => client.cancel(id)));
};

export const diffOf = async ({ client }: Deployed, taskId: string): Promise<string> => Buffer.from(await client.diff(taskId)).toString();

export const logOf = async ({ client }: Deployed, taskId: string, name: string): Promise<string> =>
  (await client.artifact(taskId, name)).text();

/** Nothing of the task is in the cluster any more, within what a finished one may take. */
export const untilNothingLeft = ({ runs }: Deployed, taskId: string, timeoutMs = 30_000): Promise<true> =>
  until(`nothing of ${taskId} is left`, async () => (await runs.leftovers(taskId)).length === 0 || null, timeoutMs);
