import type { Readable } from 'node:stream';
import type { StationOffer } from '../tasks/admission.ts';
import type { StationLimits } from '../tasks/limits.ts';
import type { Engine } from '../tasks/ports/engine.ts';
import type { ObjectStore } from '../tasks/ports/object-store.ts';
import type { Rates } from '../tasks/ports/rates.ts';
import type { Starter } from '../tasks/ports/starter.ts';
import type { StatusCache } from '../tasks/ports/status-cache.ts';
import type { Stores } from '../tasks/ports/stores.ts';
import type { Metrics } from './metrics.ts';

/** The part of pino that the API uses. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** For object stores whose presigned links the API serves itself. */
export interface LinkOpener {
  /** Null for a link that is forged, expired or leads nowhere. */
  openLink(
    pathAndQuery: URL,
  ): Promise<null | { readonly sizeBytes: number; readonly contentType: string; readonly filename: string; readonly body: Readable }>;
}

/** What one owner may do; 0 is no limit. */
export interface OwnerLimits {
  /** Below /v1; an event stream counts once. */
  readonly requestsPerMinute: number;
  readonly submissionsPerMinute: number;
  /** Unfinished tasks at once. */
  readonly tasks: number;
}

export interface ApiOptions extends StationOffer {
  /** Host names that requests may be made to; null where any is fine. Loopback listeners need it against DNS rebinding. */
  readonly hostnames: readonly string[] | null;
  readonly ownerLimits: OwnerLimits;
  /** How long an idempotency key is held for a request that may have died. Default 30 s. */
  readonly leaseMs?: number;
  /** How often a silent event stream sends a comment. Default 15 s. */
  readonly heartbeatMs?: number;
  /** How long a presigned link works. Default 5 minutes. */
  readonly linkMs?: number;
}

/** All that the API is made of; `api/server.ts` chooses the adapters. */
export interface ApiDeps {
  readonly stores: Stores;
  /** Null where the processes share none. */
  readonly statusCache: StatusCache | null;
  readonly rates: Rates;
  readonly objects: ObjectStore;
  /** Serves `/objects/*`; null where presigned links lead to the store itself. */
  readonly links: LinkOpener | null;
  readonly starter: Starter;
  readonly engine: Engine;
  readonly limits: StationLimits;
  readonly options: ApiOptions;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Aborted when the process drains: event streams end, and clients resume elsewhere. */
  readonly stopping: AbortSignal;
  readonly now?: () => number;
}
