import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, rename } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isRunId } from '../../tasks/ids.ts';
import { IsolationUnavailableError, type Runner } from '../../tasks/ports/runner.ts';
import type { RunObservation } from '../../tasks/run.ts';
import { moduleCache } from '../module-cache.ts';
import { isErrno } from './atomic-file.ts';
import type { ConfinementMode } from './confinement.ts';
import { killLeftovers } from './leftovers.ts';
import { confine, fillRunFolder, releaseConfinement } from './prepare.ts';
import { probeIsolation } from './probe.ts';
import { isAlive, NOBODY, signalProcess } from './process-identity.ts';
import { refuseReserved } from './readable.ts';
import { removeTree } from './remove-tree.ts';
import { putInCharge, readConfinement, readExit, readProcess, writeExit } from './run-folder.ts';
import { spawnSidecar } from './spawn-sidecar.ts';
import { releaseUid } from './station-folder.ts';

export interface SandboxRunnerOptions {
  readonly runsDir: string;
  /** Where this installation stands: holds `agent/`, `tasks/`, `node_modules/` and `package.json`. */
  readonly installDir: string;
  /** `none` runs everything as the station's user, without any isolation. */
  readonly isolation: 'bubblewrap' | 'none';
  /** The Node binary for sidecars and for programs inside. */
  readonly node: string;
  /** More folders of the host that runs may read. */
  readonly readable?: readonly string[];
  /** The sidecar's entry file; the installation's where absent. */
  readonly sidecar?: string;
  /** Whether runs can be isolated here; `probeIsolation` where absent. */
  readonly probe?: typeof probeIsolation;
  /** Told once, where runs are not isolated or something doesn't bound them. */
  readonly warn?: (sentence: string) => void;
}

const LOOK_EVERY_MS = 20;
const OBSERVE_EVERY_MS = 100;
/** What a starter that died left half-made is swept after this. */
const ABANDONED_AFTER_MS = 3_600_000;

const goneIsNull = (error: unknown): null => {
  if (isErrno(error, 'ENOENT')) return null;
  throw error;
};

const namesIn = async (folder: string): Promise<readonly string[]> => (await readdir(folder).catch(goneIsNull)) ?? [];

/** Runs tasks as sandboxed processes of this machine. Any process of the same user on the same `runsDir` sees the same runs. */
export const createSandboxRunner = (options: SandboxRunnerOptions): Runner => {
  const runsDir = resolve(options.runsDir);
  const { warn = () => undefined } = options;
  let decided: Promise<ConfinementMode> | undefined;

  const decide = async (): Promise<ConfinementMode> => {
    if (options.isolation === 'none') {
      warn('Runs are NOT isolated (CODEBAY_ISOLATION=none): they can do whatever this user can.');
      return 'none';
    }
    refuseReserved(options.readable ?? []);
    const shown = { install: options.installDir, node: options.node, readable: options.readable ?? [] };
    const probe = await (options.probe ?? probeIsolation)({ shown });
    if (!probe.ok) throw new IsolationUnavailableError(`${probe.problem} ${probe.remedy}`);
    if (probe.memory === 'none') warn('No cgroup can be written here: the memory of runs is not bounded.');
    return probe.mode;
  };

  const mode = (): Promise<ConfinementMode> => {
    decided ??= decide().catch((error: unknown) => {
      decided = undefined;
      throw error;
    });
    return decided;
  };

  const folderOf = (runId: string): string => {
    if (!isRunId(runId)) throw new Error('Not a run id');
    return join(runsDir, runId);
  };

  const temporaryName = (kind: 'new' | 'gone'): string => join(runsDir, `.${kind}-${randomBytes(8).toString('hex')}`);

  /** Waits until nothing of the run's sidecar executes, at most `timeoutMs`; whether that came true. */
  const untilDead = async (path: string, timeoutMs: number): Promise<boolean> => {
    const sidecar = await readProcess(path);
    for (const deadline = Date.now() + timeoutMs; sidecar !== null && isAlive(sidecar); await delay(LOOK_EVERY_MS)) {
      if (Date.now() >= deadline) return false;
    }
    return true;
  };

  const stop = async (runId: string, graceMs: number): Promise<void> => {
    const path = folderOf(runId);
    const confinement = await readConfinement(path);
    if (confinement === null) return;
    // Where nobody is in charge yet, nobody may be from now on.
    await putInCharge(path, NOBODY);
    const sidecar = await readProcess(path);
    const wasAlive = sidecar !== null && signalProcess(sidecar, graceMs > 0 ? 'SIGTERM' : 'SIGKILL');
    if (sidecar !== null && !(await untilDead(path, graceMs))) {
      signalProcess(sidecar, 'SIGKILL');
      await untilDead(path, Number.POSITIVE_INFINITY);
    }
    await killLeftovers(confinement);
    if (wasAlive || sidecar?.pid === NOBODY.pid) await writeExit(path, { exitCode: null, cause: 'stopped', detail: 'ended by force' });
  };

  const look = async (runId: string): Promise<RunObservation> => {
    const path = folderOf(runId);
    const sidecar = await readProcess(path);
    const alive = sidecar !== null && isAlive(sidecar);
    // Read after the look at the process: a sidecar writes its exit before it ends.
    const exit = await readExit(path);
    if (exit !== null) return { state: 'exited', exit };
    if (sidecar === null) return { state: 'absent' };
    if (alive) return { state: 'running' };
    return {
      state: 'exited',
      exit: { exitCode: null, cause: 'lost', detail: 'The run ended without a word: killed, or the machine restarted.' },
    };
  };

  const sweep = async (): Promise<void> => {
    for (const name of await namesIn(runsDir)) {
      const path = join(runsDir, name);
      if (!/^\.(new|gone)-/.test(name)) continue;
      const found = await lstat(path).catch(goneIsNull);
      const abandoned = found !== null && Date.now() - found.mtimeMs > ABANDONED_AFTER_MS;
      if (name.startsWith('.gone-') || abandoned) await removeTree(path);
    }
  };

  return {
    start: async (order) => {
      const path = folderOf(order.runId);
      if ((await readProcess(path)) !== null) return;
      if ((await readConfinement(path)) === null) {
        const preparation = { mode: await mode(), install: options.installDir, node: options.node, readable: options.readable ?? [] };
        await mkdir(runsDir, { recursive: true, mode: 0o700 });
        const confinement = await confine(path, order, preparation);
        const fresh = temporaryName('new');
        try {
          await fillRunFolder(fresh, order, confinement);
          await rename(fresh, path);
        } catch (error) {
          await removeTree(fresh);
          // Where another worker was faster, the run is confined as that one wrote: only our uid goes back.
          if ((await readConfinement(path)) === null) await releaseConfinement(confinement);
          else if (confinement.uid !== null) await releaseUid(confinement.uid, confinement.mark);
          if (!isErrno(error, 'ENOTEMPTY', 'EEXIST')) throw error;
        }
      }
      const entry = options.sidecar ?? join(options.installDir, 'agent/sidecar/main.ts');
      await spawnSidecar({ path, node: options.node, entry, cache: moduleCache(options.installDir) });
    },

    observe: async (runId, { waitMs = 0, signal } = {}) => {
      const until = Date.now() + waitMs;
      for (;;) {
        const observation = await look(runId);
        const leftMs = until - Date.now();
        if (observation.state !== 'running' || leftMs <= 0 || signal?.aborted) return observation;
        await delay(Math.min(leftMs, OBSERVE_EVERY_MS), undefined, { signal }).catch(() => undefined);
      }
    },

    stop,

    remove: async (runId) => {
      const path = folderOf(runId);
      await stop(runId, 0);
      const confinement = await readConfinement(path);
      if (confinement !== null) {
        await releaseConfinement(confinement);
        await rename(path, temporaryName('gone')).catch(goneIsNull);
      }
      await sweep();
    },

    list: async () => (await namesIn(runsDir)).filter(isRunId),
  };
};
