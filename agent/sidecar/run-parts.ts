import type { Compartment } from '../../tasks/ports/compartment.ts';
import type { RunOrder } from '../../tasks/run.ts';
import type { RunDescription } from '../../tasks/run-protocol.ts';
import type { EventStream } from './event-stream.ts';
import type { GatewayClient } from './gateway-client.ts';
import type { GatewayTransport } from './gateway-transport.ts';
import type { Redaction } from './redaction.ts';
import type { RunLife } from './run-life.ts';
import type { Workspace } from './workspace.ts';

/** Folders of the host that one run has. */
export interface RunFolders {
  readonly code: string;
  readonly output: string;
  readonly task: string;
  /** Short enough for unix sockets. */
  readonly sockets: string;
  /** The sidecar's alone: no program of the run sees it. */
  readonly scratch: string;
}

/** What every part of a run works with. */
export interface RunParts {
  readonly order: RunOrder;
  readonly folders: RunFolders;
  readonly compartment: Compartment;
  readonly transport: GatewayTransport;
  readonly gateway: GatewayClient;
  readonly life: RunLife;
  readonly events: EventStream;
  readonly redaction: Redaction;
  /** A line for the run's log that users see. */
  readonly note: (text: string) => void;
  /** Names what the run's programs find around them: equal where what set-up makes fits as well. Null: nobody can tell. */
  readonly environment: (signal: AbortSignal) => Promise<string | null>;
  /** When the run has to end, in milliseconds since 1970. */
  readonly endsAt: number;
}

/** A run that knows what it is for. */
export interface DescribedRun extends RunParts {
  readonly description: RunDescription;
  readonly workspace: Workspace;
}
