import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { close, constants, open } from 'node:fs';
import { promisify } from 'node:util';
import { SYSTEM_PATH } from '../system-path.ts';
import { identifyProcess, signalProcess } from './process-identity.ts';
import { putInCharge, runFiles } from './run-folder.ts';

/** Nothing of the station's environment: it may hold keys. */
const environment = (cache: string) => ({ PATH: SYSTEM_PATH, LANG: 'C.UTF-8', NODE_COMPILE_CACHE: cache });

/**
 * Starts a run's sidecar, detached from this process, and puts it in charge; where another one was faster, ours ends at once. A sidecar that
 * starts before it is recorded records itself, so a starter that dies in between leaves no run without one.
 */
export const spawnSidecar = async ({
  path,
  node,
  entry,
  cache,
}: {
  readonly path: string;
  readonly node: string;
  readonly entry: string;
  /** Of compiled modules. */
  readonly cache: string;
}): Promise<void> => {
  const log = await promisify(open)(runFiles(path).log, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND, 0o600);
  try {
    const child = spawn(node, ['--disable-warning=ExperimentalWarning', entry, path], {
      cwd: path,
      detached: true,
      env: environment(cache),
      stdio: ['ignore', log, log],
    });
    await once(child, 'spawn');
    child.unref();
    const identity = identifyProcess(child.pid ?? 0);
    if (identity !== null && !(await putInCharge(path, identity))) signalProcess(identity, 'SIGKILL');
  } finally {
    await promisify(close)(log);
  }
};
