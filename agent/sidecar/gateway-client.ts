import { createReadStream } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Blob } from '../../tasks/run.ts';
import {
  type CheckpointReport,
  type CompletionReport,
  type RunDescription,
  type RunEvents,
  runDescriptionSchema,
} from '../../tasks/run-protocol.ts';
import { type SetupDecision, type SetupLease, type SetupRequest, setupDecisionSchema } from '../../tasks/setup-protocol.ts';
import { GatewayRefusedError, GatewayUnreachableError, RunOverError } from './gateway-error.ts';
import type { GatewayTransport } from './gateway-transport.ts';
import { persist } from './persist.ts';

/** Silence after which a request is tried again. The gateway answers these from a database and a folder. */
const IDLE_MS = 30_000;
/** Silence while a large body is made durable. */
const STORING_MS = 120_000;

/** Content that stands ready on the sidecar's own disk. */
export interface StoredBlob {
  readonly blob: Blob;
  readonly path: string;
}

/** The gateway's `/run` protocol. Each call goes on until it is answered or its signal is aborted; all are idempotent. */
export interface GatewayClient {
  describe(signal: AbortSignal): Promise<RunDescription>;
  /** One attempt: the body may break off. */
  code(signal: AbortSignal): Promise<IncomingMessage>;
  /** One attempt: the body may break off. */
  blob(sha256: string, signal: AbortSignal): Promise<IncomingMessage>;
  upload(stored: StoredBlob, signal: AbortSignal): Promise<void>;
  /** Asks whether this script may run, and begins set-up where it may. */
  beginSetup(request: SetupRequest, signal: AbortSignal): Promise<SetupDecision>;
  holdSetup(lease: SetupLease, signal: AbortSignal): Promise<void>;
  /** What another run's set-up made. One attempt: the body may break off. */
  setupSnapshot(id: string, signal: AbortSignal): Promise<IncomingMessage>;
  /** Offers what this run's set-up made to others. */
  keepSetup(id: string, stored: StoredBlob, signal: AbortSignal): Promise<void>;
  /** Ends set-up, or the fetching of code that has none. */
  enterAgentPhase(signal: AbortSignal): Promise<void>;
  report(events: RunEvents, signal: AbortSignal): Promise<void>;
  checkpoint(checkpoint: CheckpointReport, signal: AbortSignal): Promise<void>;
  complete(completion: CompletionReport, signal: AbortSignal): Promise<void>;
}

/** Sorts an answer: 2xx passes, the run's end and refusals throw, all that may pass by itself is `GatewayUnreachableError`. */
const accepted = async (response: IncomingMessage): Promise<IncomingMessage> => {
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return response;
  const detail = (await text(response).catch(() => '')).slice(0, 500);
  if (status === 401 || status === 409) throw new RunOverError(`the gateway answered ${status}: ${detail}`);
  if (status === 408 || status === 429 || status >= 500) throw new GatewayUnreachableError(`the gateway answered ${status}`);
  throw new GatewayRefusedError(status, detail);
};

const textOf = (response: IncomingMessage): Promise<string> =>
  text(response).catch((cause) => {
    throw new GatewayUnreachableError('the answer broke off', { cause });
  });

/** The gateway's client over one transport. `onOver` is told the first time that the gateway says this run is over. */
export const createGatewayClient = (transport: GatewayTransport, onOver: () => void): GatewayClient => {
  const once = async (request: Parameters<GatewayTransport['send']>[0]): Promise<IncomingMessage> => {
    try {
      return await accepted(await transport.send(request));
    } catch (error) {
      if (error instanceof RunOverError) onOver();
      throw error;
    }
  };
  const get = (path: string, signal: AbortSignal) => once({ method: 'GET', path, idleMs: IDLE_MS, signal });
  const read = async (path: string, signal: AbortSignal): Promise<unknown> =>
    JSON.parse(await persist(async () => textOf(await get(path, signal)), signal));
  const post = async (path: string, content: unknown, signal: AbortSignal): Promise<string> => {
    const body = JSON.stringify(content);
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    return persist(async () => textOf(await once({ method: 'POST', path, headers, body, idleMs: IDLE_MS, signal })), signal);
  };
  const send = async (path: string, content: unknown, signal: AbortSignal): Promise<void> => {
    await post(path, content, signal);
  };
  const put = (path: string, { blob, path: file }: StoredBlob, idleMs: number, signal: AbortSignal): Promise<void> => {
    const headers = { 'content-type': 'application/octet-stream', 'content-length': blob.size_bytes };
    const attempt = async () => {
      const body = createReadStream(file);
      await textOf(await once({ method: 'PUT', path, headers, body, idleMs, signal }).finally(() => body.destroy()));
    };
    return persist(attempt, signal);
  };
  return {
    describe: async (signal) => runDescriptionSchema.parse(await read('/run', signal)),
    code: (signal) => get('/run/code', signal),
    blob: (sha256, signal) => get(`/run/blobs/${sha256}`, signal),
    upload: (stored, signal) => put(`/run/blobs/${stored.blob.sha256}`, stored, IDLE_MS, signal),
    holdSetup: (lease, signal) => send('/run/setup/lease', lease, signal),
    setupSnapshot: (id, signal) => get(`/run/setup/snapshots/${id}`, signal),
    keepSetup: (id, stored, signal) => put(`/run/setup/snapshots/${id}?sha256=${stored.blob.sha256}`, stored, STORING_MS, signal),
    beginSetup: async (request, signal) => setupDecisionSchema.parse(JSON.parse(await post('/run/setup', request, signal))),
    enterAgentPhase: (signal) => send('/run/phase', { phase: 'agent' }, signal),
    report: (events, signal) => send('/run/events', events, signal),
    checkpoint: (checkpoint, signal) => send('/run/checkpoints', checkpoint, signal),
    complete: (completion, signal) => send('/run/complete', completion, signal),
  };
};
