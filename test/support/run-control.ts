import { basename, dirname, join } from 'node:path';
import { createSandboxRunner } from '../../platform/sandbox/runner.ts';
import type { RunOrder } from '../../tasks/run.ts';

/*
 * The sandbox runner in a process of its own, as a worker has it: `run-control.ts <start|exit|stop|remove> <run folder> <installation> <isolation>`.
 * The order comes by stdin; `exit` waits for the run's end and prints it as JSON.
 */
const [verb, folder = '', installDir = '', isolation] = process.argv.slice(2);
const runner = createSandboxRunner({
  runsDir: dirname(folder),
  installDir,
  isolation: isolation === 'none' ? 'none' : 'bubblewrap',
  node: process.execPath,
  sidecar: join(import.meta.dirname, '../../agent/sidecar/main.ts'),
});
const runId = basename(folder);

const readOrder = async (): Promise<RunOrder> => {
  let text = '';
  for await (const chunk of process.stdin) text += String(chunk);
  return JSON.parse(text);
};

const untilExit = async () => {
  for (;;) {
    const seen = await runner.observe(runId);
    if (seen.state === 'exited') return seen.exit;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

switch (verb) {
  case 'start':
    await runner.start(await readOrder());
    break;
  case 'exit':
    console.log(JSON.stringify(await untilExit()));
    break;
  case 'stop':
    await runner.stop(runId, 10_000);
    break;
  case 'remove':
    await runner.remove(runId);
    break;
  default:
    throw new Error(`no such verb: ${verb}`);
}
