import { once } from 'node:events';
import type { Socket } from 'node:net';
import { type Admission, isCurrent } from '../admission.ts';
import { GatewayError } from '../gateway-error.ts';
import type { LiveWork, Standing } from '../live-work.ts';
import type { GatewayCaps } from '../options.ts';
import type { Rate } from '../rate.ts';
import type { Destination } from './destination.ts';
import type { EgressRecord } from './record.ts';
import type { createEgressRules } from './rules.ts';

export interface Connections {
  /** Connects for the run, or throws why not. The socket is destroyed when set-up ends, when it idles, and counted when it closes. */
  open(runId: string, destination: Destination): Promise<Socket>;
}

const inSetup = (runId: string, standing: Standing): boolean =>
  standing !== null && isCurrent(runId, standing.runs) && standing.runs.some(({ id, phase }) => id === runId && phase === 'setup');

/** Connections of set-up to the outside; each one stands in the ledger, refused ones too. */
export const createConnections = (deps: {
  readonly admission: Admission;
  readonly rule: ReturnType<typeof createEgressRules>;
  readonly dial: (addresses: readonly string[], port: number) => Socket;
  readonly record: EgressRecord;
  readonly liveWork: LiveWork;
  readonly rate: Rate;
  readonly caps: GatewayCaps;
}): Connections => {
  const openCount = new Map<string, number>();

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
      if (run.phase !== 'setup') throw await deps.record.refused(runId, destination, 'set-up is over or has not begun');
      const ruling = await deps.rule(destination);
      if (!ruling.allowed) throw await deps.record.refused(runId, destination, ruling.reason);
      if (cut) throw await deps.record.refused(runId, destination, 'set-up is over');
      const dialled = deps.dial(ruling.addresses, port);
      socket = dialled;
      let address: string | null = null;
      dialled.on('error', () => dialled.destroy());
      dialled.once('connect', () => {
        address = dialled.remoteAddress ?? null;
      });
      dialled.setTimeout(deps.caps.tunnelIdleMs, () => dialled.destroy());
      dialled.once('close', () => {
        unwatch();
        onClose();
        deps.record.closed(runId, destination, ruling.reason, dialled, address);
      });
      await Promise.all([connected(dialled, destination), deps.record.opened(runId, destination, ruling.reason)]);
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
      if (count >= deps.caps.tunnelsPerRun) {
        throw new GatewayError(429, 'RATE_LIMITED', 'too many connections at once', { retryAfterSeconds: 1 });
      }
      openCount.set(runId, count + 1);
      return openCounted(runId, destination, () => release(runId));
    },
  };
};
