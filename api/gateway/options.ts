import type { Socket } from 'node:net';
import type { ObjectStore } from '../../tasks/ports/object-store.ts';
import type { Rates } from '../../tasks/ports/rates.ts';
import type { Stores } from '../../tasks/ports/stores.ts';
import type { ModelPrice } from '../../tasks/usage.ts';

const MiB = 1024 * 1024;

/** Structured log lines; pino's logger fits. Nothing handed to it ever holds a credential. */
export interface GatewayLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Bounds on what one run may ask of the gateway; far above what an honest run needs. */
export const DEFAULT_GATEWAY_CAPS = {
  /** JSON bodies of `/run/*`. */
  reportBytes: 4 * MiB,
  /** One model request. */
  modelRequestBytes: 32 * MiB,
  /** One model answer. */
  modelAnswerBytes: 32 * MiB,
  /** Put as `max_completion_tokens` where a request names none, and the most that one may name. */
  outputTokens: 32_768,
  blobsPerRun: 4096,
  /** Times `artifactBytes`: all blobs of a run together. */
  blobBytesFactor: 4,
  blobsPerMinute: 1200,
  eventsPerMinute: 60_000,
  tunnelsPerRun: 128,
  connectionsPerMinute: 3000,
  tunnelIdleMs: 120_000,
  connectTimeoutMs: 15_000,
  messageWaitMs: 20_000,
  /** How often live tunnels and model turns are held against the store: how late they notice what another process wrote. */
  recheckMs: 500,
};
export type GatewayCaps = typeof DEFAULT_GATEWAY_CAPS;

/** What an operator sets. */
export interface GatewayOptions {
  /** Models that tasks may use; the first is the default. */
  readonly models: readonly string[];
  readonly modelPrices: Readonly<Record<string, ModelPrice>>;
  /** With its version path, as in `https://api.openai.com/v1`. */
  readonly modelBaseUrl: string;
  readonly modelApiKey: string;
  readonly modelTimeoutMs: number;
  readonly modelRetryMs: number;
  readonly modelRequestsPerMinute: number;
  readonly artifactBytes: number;
  /** Empty: every public host, on ports 80 and 443. */
  readonly egressHosts: readonly string[];
  /** `host:port` pairs that may be private. */
  readonly egressPrivateHosts: readonly string[];
  readonly caps?: Partial<GatewayCaps>;
}

export interface GatewayDeps {
  readonly stores: Stores;
  readonly objects: ObjectStore;
  /** Shared by all gateways. */
  readonly rates: Rates;
  /** Signs run identities. */
  readonly secret: string;
  readonly options: GatewayOptions;
  /** Read anew for each run, so that a changed file needs no restart. */
  readonly setupSecrets: () => Promise<Readonly<Record<string, string>>>;
  readonly log: GatewayLog;
  /** Once aborted, `/readyz` fails: whoever spreads the runs over gateways leaves this one out. */
  readonly stopping?: AbortSignal;
  readonly now?: () => number;
  /** All addresses of a host; the system's resolver where absent. */
  readonly resolveHost?: (host: string) => Promise<readonly string[]>;
  /** Connects to one of the checked addresses. */
  readonly dial?: (addresses: readonly string[], port: number) => Socket;
  readonly fetch?: typeof fetch;
}
