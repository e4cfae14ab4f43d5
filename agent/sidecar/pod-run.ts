import { readFile, writeFile } from 'node:fs/promises';
import type { Compartment } from '../../tasks/ports/compartment.ts';
import type { RunExit, RunLimits, RunOrder } from '../../tasks/run.ts';
import { runOrderSchema } from '../../tasks/run-order.ts';
import { proveIsolation } from './network-proof.ts';
import { failed, type Outcome } from './outcome.ts';
import { createSupervisor } from './run.ts';
import type { RunFolders } from './run-parts.ts';

/** Of what Kubernetes keeps of a container's last words. */
const LAST_WORDS_BYTES = 4096;

/** The exit codes of a pod's sidecar beside 0: the gateway has the run's completion record. */
export const POD_EXIT = { unrecorded: 1, badOrder: 64, stopped: 143 } as const;

/** Whether the run's network is closed; an order that forbids nothing asks for no proof. */
const admitIsolated =
  ({ gatewayUrl, forbidden = [] }: RunOrder) =>
  async (signal: AbortSignal): Promise<Outcome | null> => {
    const proof = await proveIsolation({ gatewayUrl, forbidden }, signal);
    if (proof.isolated) return null;
    return failed('NETWORK_NOT_ISOLATED', `the run could connect to ${proof.reachable.join(', ')}`);
  };

/** Throws an error that says which fields are wrong. */
const readOrder = async (path: string): Promise<RunOrder> => {
  const { data, error } = runOrderSchema.safeParse(JSON.parse(await readFile(path, 'utf8')));
  if (data !== undefined) return data;
  throw new Error(error.issues.map(({ path: field, message }) => `${field.join('.')}: ${message}`).join('; '));
};

const fitting = (exit: RunExit): string => {
  const text = (characters: number) => JSON.stringify({ ...exit, detail: exit.detail.slice(0, characters) });
  let characters = Math.min(exit.detail.length, LAST_WORDS_BYTES);
  while (characters > 0 && Buffer.byteLength(text(characters)) > LAST_WORDS_BYTES) characters = Math.floor(characters * 0.9);
  return text(characters);
};

/** Lives one run from inside its pod; resolves with the exit code of the sidecar's process. */
export const superviseInPod = async (deps: {
  /** A file that holds a `RunOrder`. */
  readonly order: string;
  readonly folders: RunFolders;
  readonly openCompartment: (limits: RunLimits) => Compartment;
  /** As `RunParts.environment`, for programs of this compartment. */
  readonly environment: (compartment: Compartment, signal: AbortSignal) => Promise<string | null>;
  /** Is given the `RunExit` as JSON. */
  readonly lastWords: string;
  /** Calls `stop` when the pod is to end. */
  readonly onStop: (stop: () => void) => void;
  readonly warn: (text: string) => void;
}): Promise<number> => {
  const { warn } = deps;
  const order = await readOrder(deps.order).catch((error: Error) => {
    // A syntax error quotes what it can't read, which is where the identity stands.
    const why = error instanceof SyntaxError ? 'it is not JSON' : error.message;
    warn(`the run's order can't be read from ${deps.order}: ${why}`);
    return null;
  });
  if (order === null) return POD_EXIT.badOrder;
  let stopped = false;
  const compartment = deps.openCompartment(order.limits);
  const supervisor = createSupervisor({
    ...{ order, folders: deps.folders, compartment, warn, admit: admitIsolated(order) },
    environment: (signal) => deps.environment(compartment, signal),
  });
  deps.onStop(() => {
    stopped = true;
    supervisor.stop();
  });
  const { exit, recorded } = await supervisor.run();
  await writeFile(deps.lastWords, fitting(exit)).catch((error: Error) => warn(`the last words could not be left: ${error.message}`));
  if (stopped) return POD_EXIT.stopped;
  return recorded ? 0 : POD_EXIT.unrecorded;
};
