import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { readLocalStation } from '../cli/up/local-station.ts';
import type { StationFile } from '../cli/up/station-file.ts';

const READY_MS = 60_000;
const root = join(import.meta.dirname, '..');

export interface StationProcess {
  readonly pid: number;
  readonly apiKey: string;
  /** What the station says of itself now: processes change when they are started again. */
  readonly file: () => StationFile;
  /** Everything that `up` has printed. */
  readonly output: () => string;
  /** Resolves with the exit code, null after a kill. */
  readonly ended: Promise<number | null>;
  /** As Ctrl-C does; resolves with the exit code once everything has stopped. */
  stop(): Promise<number | null>;
}

/** Starts `codebay up` on a data folder as a user would, in a process of its own, and resolves when it is ready. `user`: whom root starts it as. */
export const startStationProcess = async (
  env: Readonly<Record<string, string | undefined>>,
  user?: { readonly uid: number; readonly gid: number },
): Promise<StationProcess> => {
  const child = spawn(process.execPath, [join(root, 'cli/main.ts'), 'up'], {
    env,
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    uid: user?.uid,
    gid: user?.gid,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  let gone = false;
  const ended = new Promise<number | null>((resolve) => {
    const finish = (code: number | null): void => {
      gone = true;
      resolve(code);
    };
    child.once('error', () => finish(null));
    child.once('close', finish);
  });
  const stop = async (): Promise<number | null> => {
    child.kill('SIGINT');
    return ended;
  };

  const deadline = Date.now() + READY_MS;
  while (true) {
    const { station, apiKey } = readLocalStation(env);
    if (station?.ready === true && station.up?.pid === child.pid && apiKey !== null && child.pid !== undefined) {
      const file = (): StationFile => readLocalStation(env).station ?? station;
      return { pid: child.pid, apiKey, file, output: () => output, ended, stop };
    }
    if (gone) throw new Error(`the station ended before it was ready: ${output.trim()}`);
    if (Date.now() > deadline) {
      await stop();
      throw new Error(`the station was not ready after ${READY_MS / 1000} s: ${output.trim()}`);
    }
    await pause(25);
  }
};
