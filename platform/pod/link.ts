import { constants } from 'node:fs';
import { chmod, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CompartmentUnavailableError } from '../../tasks/ports/compartment.ts';
import { makeFifos, openFifoReader, openFifoWriter } from '../fifo.ts';
import { createCommandTurn } from './command-turn.ts';
import { readLines } from './reply-lines.ts';

/*
 * How the sidecar and the executor of one container speak, over a folder in memory that both mount:
 *
 *   replies              executor → sidecar: `ready`, `begun NAME` (its input is open), `ended NAME CODE` (its first process),
 *                        `gone NAME KILLS` (all of its processes; how many the kernel killed for want of memory)
 *   sidecar/             the sidecar's own: others read there, nobody else makes, renames or removes anything
 *   sidecar/requests     sidecar → executor: `run NAME`, `kill NAME`, `exit`. The executor's uid can't write it, so nothing the agent
 *                        wrote before it was killed is carried out afterwards.
 *   sidecar/NAME/        of one command: `script`, to be run by sh, and the pipes of its standard streams
 *
 * One command at a time: run → ended → kill → gone; a time-out or an abort sends kill without waiting for ended. The executor carries out
 * requests in their order, so the next run begins after everything before it was killed, whatever a forged reply said. The sidecar opens
 * nothing that can wait, and follows no link: it works below a descriptor of its folder, whatever is done to names. The reading end of
 * `replies` ends with the container, the writing end of `requests` with the sidecar: each notices the other's death.
 */

/** An executor that hasn't killed within this time is taken for stopped or starved. Shorter than what a stopping run has to finish in. */
const KILL_ANSWER_MS = 5_000;
/** Containers start one after the other, and each may pull its image first. */
const START_MS = 15 * 60_000;
const EXIT_MS = 3_000;
/** Of replies, while one command runs: an honest executor needs three short lines. */
const REPLY_BYTES = 64 * 1024;

export interface CommandEnd {
  /** Null: it was killed before it ended. */
  readonly exitCode: number | null;
  /** How many processes the kernel killed for want of memory. */
  readonly oomKills: number;
}

export interface RunningCommand {
  kill(): void;
  /** Resolves when it has opened its input; never, where it has none. */
  readonly begun: Promise<void>;
  readonly end: Promise<CommandEnd>;
}

export interface ExecutorLink {
  /** The sidecar's own folder, by a path that stays right whatever happens to its name. */
  readonly folder: string;
  /** Whether the executor is gone, or as good as gone: no command runs any more. */
  readonly lost: boolean;
  /** Resolves when the executor is there. Rejects with `CompartmentUnavailableError`, or with the signal's reason. */
  ready(signal: AbortSignal): Promise<void>;
  /** Begins a command whose folder stands. One after the other. `end` rejects with `CompartmentLostError`. */
  run(name: string): RunningCommand;
  /** Tells the executor to end everything and itself. */
  close(): Promise<void>;
}

/** Opens the sidecar's side, which may be there before the executor or after it. `control` is the folder that both mount. */
export const openLink = async (control: string): Promise<ExecutorLink> => {
  const own = join(control, 'sidecar');
  await mkdir(own);
  // The group comes from the folder above, for all that is made below it.
  await chmod(own, 0o2750);
  const handle = await open(own, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  const folder = `/proc/self/fd/${handle.fd}`;
  await makeFifos(folder, ['requests']);
  await chmod(join(folder, 'requests'), 0o640);
  const requests = await openFifoWriter(join(folder, 'requests'));
  await makeFifos(control, ['replies']);
  // Last: the executor waits for this.
  const replies = await openFifoReader(join(control, 'replies'));

  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => undefined);
  const gone = new Promise<void>((resolve) => replies.once('close', resolve));
  let state: 'starting' | 'ready' | 'lost' = 'starting';
  let budget = REPLY_BYTES;
  const send = (line: string): void => void requests.write(`${line}\n`);
  const turn = createCommandTurn({ send, answerMs: KILL_ANSWER_MS, onSilence: () => lose('does not answer') });
  const lose = (what: string): void => {
    if (state === 'lost') return;
    state = 'lost';
    const reason = `the executor ${what}`;
    ready.reject(new CompartmentUnavailableError(reason));
    turn.lose(reason);
    requests.destroy();
    replies.destroy();
  };
  requests.on('error', (error) => lose(`can not be told: ${error.message}`));
  replies.on('error', (error) => lose(`can not be heard: ${error.message}`));
  replies.on('close', () => lose('has ended'));
  readLines(replies, {
    spend: (bytes) => {
      budget -= bytes;
      if (budget < 0) lose('floods the sidecar');
    },
    onLine: (line) => {
      if (line === 'ready' && state === 'starting') {
        state = 'ready';
        ready.resolve();
      } else turn.reply(line);
    },
  });

  return {
    folder,
    get lost() {
      return state === 'lost';
    },
    ready: async (signal) => {
      const waiting = new AbortController();
      const aborted = Promise.withResolvers<never>();
      const abort = (): void => aborted.reject(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      const late = delay(START_MS, undefined, { signal: waiting.signal }).then(
        () => Promise.reject(new CompartmentUnavailableError(`no executor has started within ${START_MS / 60_000} minutes`)),
        () => undefined,
      );
      try {
        signal.throwIfAborted();
        await Promise.race([ready.promise, aborted.promise, late]);
      } finally {
        waiting.abort();
        signal.removeEventListener('abort', abort);
      }
    },
    run: (name) => {
      budget = REPLY_BYTES;
      return turn.begin(name);
    },
    close: async () => {
      if (state === 'ready') {
        send('exit');
        const waiting = new AbortController();
        await Promise.race([gone, delay(EXIT_MS, undefined, { signal: waiting.signal }).catch(() => undefined)]);
        waiting.abort();
      }
      lose('was told to end');
      await handle.close();
    },
  };
};
