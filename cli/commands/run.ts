import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import type { CodebayClient, SubmitOptions, TaskRequest } from '../../sdk/index.ts';
import type { TaskMode } from '../../tasks/spec.ts';
import type { TaskView } from '../../tasks/task-view.ts';
import { CliError, EXIT } from '../cli-error.ts';
import { createEventPrinter } from '../event-printer.ts';
import { folderFiles } from '../source/folder-files.ts';
import { zipFiles } from '../source/zip-files.ts';
import { connect } from '../station-address.ts';
import { diffStatLines, exitCodeOf, outcomeLines } from '../task-summary.ts';
import { harmless, paint, print, remark } from '../terminal.ts';

export interface RunOptions {
  readonly repo?: string;
  readonly dir?: string;
  readonly ref?: string;
  readonly subfolder?: string;
  readonly mode: TaskMode;
  readonly verify?: string;
  readonly label: Readonly<Record<string, string>>;
  readonly model?: string;
  readonly time?: number;
  readonly steps?: number;
  readonly tokens?: number;
  readonly cost?: number;
  readonly detach?: boolean;
  readonly json?: boolean;
}

/** What the options ask for, as the API takes it. */
export const taskRequestOf = (prompt: string, options: RunOptions): TaskRequest => {
  if (options.repo !== undefined && options.dir !== undefined) throw new CliError('--repo and --dir exclude each other.', '', EXIT.usage);
  if (options.ref !== undefined && options.repo === undefined) throw new CliError('--ref goes with --repo.', '', EXIT.usage);
  const { repo, ref, subfolder, time, steps, tokens, cost, label } = options;
  return {
    source: repo === undefined ? { type: 'zip', subfolder } : { type: 'git', url: repo, ref, subfolder },
    prompt,
    mode: options.mode,
    model: options.model,
    verify: options.verify === undefined ? undefined : { command: options.verify },
    labels: Object.keys(label).length === 0 ? undefined : { ...label },
    limits: { time_seconds: time, steps, tokens, cost_usd: cost },
  };
};

const codeOf = async (folder: string): Promise<Pick<SubmitOptions, 'code'>> => {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw new CliError(`${folder} is not a folder.`, '', EXIT.usage);
  const files = await folderFiles(folder);
  if (files.length === 0) throw new CliError(`${folder} holds no files that are not ignored.`, '', EXIT.usage);
  remark(`Handing over ${files.length} files of ${folder} (ignored ones left out).`);
  return { code: await zipFiles(files) };
};

/** Ctrl-C ends the watching only: the task is the station's. */
const watch = async (client: CodebayClient, id: string, stream: NodeJS.WriteStream): Promise<TaskView> => {
  const stop = new AbortController();
  const onInterrupt = (): void =>
    stop.abort(new CliError(`${id} goes on.`, `codebay logs -f ${id} watches it, codebay cancel ${id} stops it.`, 130));
  process.once('SIGINT', onInterrupt);
  try {
    const show = createEventPrinter(stream);
    for await (const event of client.events(id, { signal: stop.signal })) show(event);
    return await client.get(id);
  } finally {
    process.removeListener('SIGINT', onInterrupt);
  }
};

const conclude = async (client: CodebayClient, task: TaskView): Promise<void> => {
  const has = (name: string): boolean => task.artifacts.some((artifact) => artifact.name === name && artifact.size_bytes > 0);
  print('', ...outcomeLines(task));
  if (has('explanation.md')) print('', harmless((await (await client.artifact(task.id, 'explanation.md')).text()).trimEnd()));
  if (!has('diff.patch')) return print('', `Next:  codebay show ${task.id}`);
  print('', ...diffStatLines(await client.diffSummary(task.id)));
  print('', `Next:  codebay diff ${task.id}   codebay apply ${task.id}   codebay show ${task.id}`);
};

/** `codebay run`: submits, follows, and concludes with the explanation, the diff's size and what to type next. */
export const run = async (prompt: string, options: RunOptions): Promise<number> => {
  const client = connect();
  const request = taskRequestOf(prompt, options);
  const code = options.repo === undefined ? await codeOf(options.dir ?? '.') : {};
  const submitted = await client.submit(request, { ...code, idempotencyKey: randomUUID() });
  if (options.detach === true) {
    print(options.json === true ? JSON.stringify(submitted) : submitted.id);
    return EXIT.done;
  }
  const stream = options.json === true ? process.stderr : process.stdout;
  stream.write(`Task ${paint('bold', submitted.id, stream)}\n`);
  const task = await watch(client, submitted.id, stream);
  if (options.json === true) print(JSON.stringify(task));
  else await conclude(client, task);
  return exitCodeOf(task);
};
