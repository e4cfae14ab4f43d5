import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { taskIdOfRun } from '../../../tasks/ids.ts';
import type { EgressEntry, EgressLedger } from '../../../tasks/ports/egress-ledger.ts';
import { GatewayError } from '../gateway-error.ts';
import type { GatewayLog } from '../options.ts';
import type { Announce } from '../run/announcer.ts';
import type { Destination } from './destination.ts';

export interface EgressRecord {
  /** Records a connection that is not made, and gives the refusal for its client. */
  refused(runId: string, destination: Destination, reason: string): Promise<GatewayError>;
  /** Tells of a connection as it begins. */
  opened(runId: string, destination: Destination, reason: string): Promise<void>;
  /** Records a connection at its end, with its bytes. */
  closed(runId: string, destination: Destination, reason: string, socket: Socket, address: string | null): void;
  /** When everything that has closed so far stands in the ledger. */
  written(): Promise<void>;
}

/** What the task shows of set-up's connections: an entry in the ledger and an event for each. */
export const createEgressRecord = (deps: {
  readonly ledger: EgressLedger;
  readonly announce: Announce;
  readonly log: GatewayLog;
  readonly now: () => number;
}): EgressRecord => {
  const writing = new Set<Promise<void>>();
  const write = (runId: string, entry: Omit<EgressEntry, 'run_id' | 'at'>): Promise<void> =>
    deps.ledger.record(taskIdOfRun(runId), { run_id: runId, ...entry, at: deps.now() });
  const tell = (runId: string, { host, port }: Destination, decision: EgressEntry['decision'], reason: string): Promise<void> =>
    deps.announce(taskIdOfRun(runId), `egress:${randomUUID()}`, { type: 'egress', data: { host, port, decision, reason } });

  return {
    refused: async (runId, destination, reason) => {
      await write(runId, { ...destination, address: null, decision: 'refused', reason, bytes_up: 0, bytes_down: 0 });
      await tell(runId, destination, 'refused', reason);
      return new GatewayError(403, 'EGRESS_REFUSED', `${destination.host}:${destination.port} is refused: ${reason}`);
    },
    opened: (runId, destination, reason) => tell(runId, destination, 'allowed', reason),
    closed: (runId, destination, reason, socket, address) => {
      const bytes = { bytes_up: socket.bytesWritten, bytes_down: socket.bytesRead };
      const written = write(runId, { ...destination, address, decision: 'allowed', reason, ...bytes })
        .catch((error: unknown) => deps.log.error({ err: error }, 'a connection could not be recorded'))
        .finally(() => writing.delete(written));
      writing.add(written);
    },
    written: async () => {
      await Promise.all(writing);
    },
  };
};
