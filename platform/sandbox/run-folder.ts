import { basename, join } from 'node:path';
import { z } from 'zod';
import { RUN_EXIT_CAUSES, type RunExit, type RunOrder } from '../../tasks/run.ts';
import { runOrderSchema } from '../../tasks/run-order.ts';
import { readIfThere, writeAtomic, writeOnce } from './atomic-file.ts';
import { type Confinement, confinementSchema } from './confinement.ts';
import { closeInherited } from './inherited-descriptors.ts';
import { identifyProcess, isSameProcess, type ProcessIdentity, processIdentitySchema } from './process-identity.ts';

const orderSchema = runOrderSchema.omit({ identity: true });

const exitSchema = z.object({
  exitCode: z.int().nullable(),
  cause: z.enum(RUN_EXIT_CAUSES),
  detail: z.string(),
});

/** The folders that programs of the run write; they belong to the run's own uid where it has one. */
export const RUN_FOLDERS = ['code', 'home', 'output', 'tmp', 'side'] as const;

/** Where the parts of `<runsDir>/<runId>/` stand. The folder itself is of mode 700. */
export const runFiles = (path: string) => ({
  /** `RunOrder` without the identity. */
  order: join(path, 'order.json'),
  /** The bearer token, mode 600. */
  identity: join(path, 'identity'),
  confinement: join(path, 'confinement.json'),
  /** Which process is the run's sidecar; written once. */
  process: join(path, 'process.json'),
  state: join(path, 'state.json'),
  exit: join(path, 'exit.json'),
  log: join(path, 'sidecar.log'),
  code: join(path, 'code'),
  home: join(path, 'home'),
  output: join(path, 'output'),
  tmp: join(path, 'tmp'),
  /** The sidecar puts `task.json` here; programs read it. */
  task: join(path, 'task'),
  side: join(path, 'side'),
  /** Synthesised files that programs find in /etc. */
  etc: join(path, 'etc'),
});

export interface RunFolder {
  readonly path: string;
  readonly order: Omit<RunOrder, 'identity'>;
  /** The run's bearer token for the gateway. */
  readonly identity: string;
  readonly confinement: Confinement;
  /** `sockets` is a short folder outside the run's, closed to every other user of the host; make one subfolder in it for each set of sockets to show. */
  readonly paths: ReturnType<typeof runFiles> & { readonly sockets: string };
  /** What the sidecar last wrote by `writeState`; null where it never did. */
  readState(): Promise<unknown>;
  /** For people and for diagnosis; replaced atomically. */
  writeState(state: Readonly<Record<string, unknown>>): Promise<void>;
  /** The run's end, durable; the first one stands. */
  writeExit(exit: RunExit): Promise<void>;
}

/** Another process is this run's sidecar, or the run has ended: there is nothing to do. */
export class RunTakenError extends Error {
  override readonly name = 'RunTakenError';
}

const parse = <T extends z.ZodType>(schema: T, text: string | null): z.output<T> | null =>
  text === null ? null : schema.parse(JSON.parse(text));

/** How the run ended; null while it hasn't. */
export const readExit = async (path: string): Promise<RunExit | null> => parse(exitSchema, await readIfThere(runFiles(path).exit));

/** The process in charge of a run; null where none ever was. */
export const readProcess = async (path: string): Promise<ProcessIdentity | null> =>
  parse(processIdentitySchema, await readIfThere(runFiles(path).process));

/** How the run is confined; null where there is no such run. */
export const readConfinement = async (path: string): Promise<Confinement | null> =>
  parse(confinementSchema, await readIfThere(runFiles(path).confinement));

/** Records the run's end unless one is recorded. */
export const writeExit = async (path: string, exit: RunExit): Promise<void> => {
  await writeOnce(runFiles(path).exit, JSON.stringify(exit));
};

/** Puts one process in charge of a run, for ever; false where another one is. Idempotent. */
export const putInCharge = async (path: string, identity: ProcessIdentity): Promise<boolean> => {
  if (await writeOnce(runFiles(path).process, JSON.stringify(identity))) return true;
  const holder = await readProcess(path);
  return holder !== null && isSameProcess(holder, identity);
};

/** Opens a run's folder as its sidecar, putting this process in charge and closing what descriptors it inherited. Throws `RunTakenError` where it may not be. */
export const openRunFolder = async (path: string): Promise<RunFolder> => {
  closeInherited();
  const files = runFiles(path);
  const own = identifyProcess(process.pid);
  if (own === null || !(await putInCharge(path, own)) || (await readExit(path)) !== null) {
    throw new RunTakenError(`${basename(path)} has another sidecar, or has ended`);
  }
  const order = parse(orderSchema, await readIfThere(files.order));
  const identity = await readIfThere(files.identity);
  const confinement = await readConfinement(path);
  if (order === null || identity === null || confinement === null) throw new Error(`${basename(path)} is not a complete run folder`);
  return {
    path,
    order,
    identity,
    confinement,
    paths: { ...files, sockets: confinement.sockets },
    readState: async () => parse(z.unknown(), await readIfThere(files.state)),
    writeState: (state) => writeAtomic(files.state, JSON.stringify(state)),
    writeExit: (exit) => writeExit(path, exit),
  };
};
