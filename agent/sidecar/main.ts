import { join } from 'node:path';
import { createCompartment } from '../../platform/sandbox/compartment.ts';
import { sandboxEnvironment } from '../../platform/sandbox/environment.ts';
import { openRunFolder, RunTakenError } from '../../platform/sandbox/run-folder.ts';
import { createSupervisor } from './run.ts';

/** The detached supervisor of one run: `main.ts <run folder>`. Ends with code 0 once `exit.json` stands. */
const supervise = async (path: string): Promise<void> => {
  const folder = await openRunFolder(path);
  const { code, output, task, sockets } = folder.paths;
  const supervisor = createSupervisor({
    order: { ...folder.order, identity: folder.identity },
    folders: { code, output, task, sockets, scratch: join(path, 'scratch') },
    compartment: createCompartment(folder),
    environment: () => sandboxEnvironment(folder.confinement),
    warn: (text) => console.error(`${new Date().toISOString()} ${text}`),
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, supervisor.stop);
  await folder.writeState({ state: 'running' });
  const { exit } = await supervisor.run().catch((error: Error) => ({
    exit: { exitCode: null, cause: 'lost' as const, detail: error.message },
  }));
  await folder.writeExit(exit);
  // What still waits (a pool, a timer) must not keep an ended run alive.
  process.exit(0);
};

const [path] = process.argv.slice(2);
if (path === undefined) {
  console.error('usage: main.ts RUN_FOLDER');
  process.exit(64);
}
try {
  await supervise(path);
} catch (error) {
  if (!(error instanceof RunTakenError)) throw error;
  console.error(error.message);
}
