import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { taskIdOfRun } from '../../../tasks/ids.ts';
import type { EgressEntry, EgressLedger } from '../../../tasks/ports/egress-ledger.ts';
import { type Admission, isCurrent } from '../admission.ts';
import { GatewayError } from '../gateway-error.ts';
import type { LiveWork, Standing } from '../live-work.ts';
import type { GatewayCaps, GatewayLog } from '../options.ts';
import type { Rate } from '../rate.ts';
import type { Announce } from '../run/announcer.ts';
import type { Destination } from './destination.ts';
import type { createEgressRules } from './rules.ts';

export interface Connections {
  /** Connects for the run, or throws why not. The socket is destroyed when set-up ends, when it idles, and counted when it closes. */
  open(runId: string, destination: Destination): Promise<Socket>;
  /** When everything that has closed so far stands in the ledger. */
  recorded(): Promise<void>;
}

const inSetup = (runId: string, standing: Standing): boolean =>
  standing !== null && isCurrent(runId, standing.runs) && standing.runs.some(({ id, phase }) => id === runId && phase === 'setup');

/** Connections of set-up to the outside; each one stands in the ledger, refused ones too. */
export const createConnections = (deps: {
  readonly admission: Admission;
  readonly rule: ReturnType<typeof createEgressRules>;
  readonly dial: (addresses: readonly string[], port: number) => Socket;
  readonly ledger: EgressLedger;
  readonly announce: Announce;
  readonly liveWork: LiveWork;
  readonly rate: Rate;
  readonly caps: GatewayCaps;
  readonly log: GatewayLog;
  readonly now: () => number;
}): Connections => {
  const writing = new Set<Promise<void>>();
  const openCount = new Map<string, number>();

  const note = (work: Promise<void>): Promise<void> => {
    const noted = work
      .catch((error: unknown) => deps.log.error({ err: error }, 'a connection could not be recorded'))
      .finally(() => writing.delete(noted));
    writing.add(noted);
    return noted;
  };

  type Ruled = Pick<EgressEntry, 'decision' | 'reason'>;
  const announce = (runId: string, { host, port }: Destination, { decision, reason }: Ruled): Promise<void> =>
    deps.announce(taskIdOfRun(runId), `egress:${randomUUID()}`, { type: 'egress', data: { host, port, decision, reason } });
  const record = (runId: string, destination: Destination, ruled: Ruled, socket: Socket | null, address: string | null): Promise<void> =>
    deps.ledger.record(taskIdOfRun(runId), {
      run_id: runId,
      ...destination,
      ...ruled,
      address,
      bytes_up: socket?.bytesWritten ?? 0,
      bytes_down: socket?.bytesRead ?? 0,
      at: deps.now(),
    });

  const refuse = async (runId: string, { host, port }: Destination, reason: string): Promise<GatewayError> => {
    const ruled = { decision: 'refused', reason } as const;
    await record(runId, { host, port }, ruled, null, null);
    await announce(runId, { host, port }, ruled);
    return new GatewayError(403, 'EGRESS_REFUSED', `${host}:${port} is refused: ${reason}`);
  };

  const connected = async (socket: Socket, { host, port }: Destination): Promise<void> => {
    const signal = AbortSignal.timeout(deps.caps.connectTimeoutMs);
    try {
      await once(socket, 'connect', { signal });
    } catch (error) {
      socket.destroy();
      const status = signal.aborted ? 504 : 502;
      throw new GatewayError(status, 'EGRESS_UNREACHABLE', `${host}:${port} could not be connected to`, { cause: error });
    }
  };

  const release = (runId: string): void => {
    const left = (openCount.get(runId) ?? 1) - 1;
    if (left > 0) openCount.set(runId, left);
    else openCount.delete(runId);
  };

  const openCounted = async (runId: string, { host, port }: Destination, onClose: () => void): Promise<Socket> => {
    const destination = { host, port };
    let cut = false;
    let socket: Socket | null = null;
    // Watched before the phase is read: an end of set-up in between is never missed.
    const unwatch = deps.liveWork.add({
      runId,
      mayGoOn: (standing) => inSetup(runId, standing),
      cut: () => {
        cut = true;
        // With an error, so that whoever waits for its connect is told.
        socket?.destroy(new Error('set-up is over'));
      },
    });
    try {
      const { run } = await deps.admission.admit(runId);
      if (run.phase !== 'setup') throw await refuse(runId, destination, 'set-up is over or has not begun');
      const ruling = await deps.rule(destination);
      if (!ruling.allowed) throw await refuse(runId, destination, ruling.reason);
      if (cut) throw await refuse(runId, destination, 'set-up is over');
      const dialled = deps.dial(ruling.addresses, port);
      socket = dialled;
      let address: string | null = null;
      dialled.on('error', () => dialled.destroy());
      dialled.once('connect', () => {
        address = dialled.remoteAddress ?? null;
      });
      dialled.setTimeout(deps.caps.tunnelIdleMs, () => dialled.destroy());
      const ruled = { decision: 'allowed', reason: ruling.reason } as const;
      dialled.once('close', () => {
        unwatch();
        onClose();
        void note(record(runId, destination, ruled, dialled, address));
      });
      await Promise.all([connected(dialled, destination), announce(runId, destination, ruled)]);
      return dialled;
    } catch (error) {
      if (socket === null) {
        unwatch();
        onClose();
      } else (socket as Socket).destroy();
      throw error;
    }
  };

  return {
    open: async (runId, destination) => {
      deps.rate.take(runId);
      const count = openCount.get(runId) ?? 0;
      if (count >= deps.caps.tunnelsPerRun)
        throw new GatewayError(429, 'RATE_LIMITED', 'too many connections at once', { retryAfterSeconds: 1 });
      openCount.set(runId, count + 1);
      return openCounted(runId, destination, () => release(runId));
    },
    recorded: async () => {
      await Promise.all(writing);
    },
  };
};
