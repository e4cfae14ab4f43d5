import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { type FailureReason, isFailureReason } from '../../tasks/failure.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { StoredBlob } from './gateway-client.ts';
import { GatewayUnreachableError } from './gateway-error.ts';
import type { GatewayTransport } from './gateway-transport.ts';
import { type ModelError, readModelError } from './model-error.ts';
import { persist } from './persist.ts';
import { readBody } from './read-body.ts';
import type { RunLife } from './run-life.ts';
import type { Turn, TurnCounter } from './turn-counter.ts';

const REQUEST_BYTES = 32 * 1024 * 1024;
const TURN_PATHS = ['/v1/chat/completions', '/v1/responses'];
/** The gateway holds a question for messages for 20 s. */
const MESSAGES_IDLE_MS = 30_000;
/** The gateway keeps the model's own limit; the relay only notices a gateway that hangs. */
const EXTRA_MODEL_IDLE_MS = 30_000;
const PASSED_HEADERS = ['content-type', 'retry-after', 'x-should-retry', 'cache-control'];

export interface ModelRelayDeps {
  readonly transport: GatewayTransport;
  readonly checkpoints: Checkpoints;
  readonly turns: TurnCounter;
  readonly life: Pick<RunLife, 'working' | 'stop'>;
  readonly scratch: string;
  /** How long a gateway that is away is ridden out within a turn. */
  readonly retryMs: number;
  readonly timeoutMs: number;
}

const passed = (answer: IncomingMessage): OutgoingHttpHeaders =>
  Object.fromEntries(PASSED_HEADERS.flatMap((name) => (answer.headers[name] === undefined ? [] : [[name, answer.headers[name]]])));

const refuse = (response: ServerResponse, status: number, message: string, code: string, headers: OutgoingHttpHeaders = {}) => {
  const body = JSON.stringify({ error: { message, type: status >= 500 ? 'server_error' : 'invalid_request_error', param: null, code } });
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
};

/**
 * The agent's only door: model turns and steering messages, nothing else. Before a turn leaves, what the agent did so far is made durable;
 * turns leave one at a time. An answer that breaks off breaks off for the agent too, which asks again under the same number.
 */
export const createModelRelay = (deps: ModelRelayDeps) => {
  const { transport, checkpoints, turns, life } = deps;
  let failure: FailureReason | null = null;
  let transcript: StoredBlob | null = null;
  let saved: Turn | null = null;
  let queue: Promise<void> = Promise.resolve();

  const begin = async (body: Buffer): Promise<Turn> => {
    const turn = turns.begin(createHash('sha256').update(body).digest('hex'));
    if (saved?.number === turn.number && saved.sha256 === turn.sha256) return turn;
    const path = `${deps.scratch}/request-${turn.number % 2}.json`;
    await writeFile(path, body, { mode: 0o600 });
    transcript = { blob: { sha256: turn.sha256, size_bytes: body.length }, path };
    await checkpoints.take(turn.number, transcript, life.working);
    saved = turn;
    return turn;
  };

  const passError = (response: ServerResponse, answer: IncomingMessage, error: ModelError) => {
    const known = error.code !== null && isFailureReason(error.code) ? error.code : null;
    if ((answer.statusCode === 401 || answer.statusCode === 409) && known === null) {
      life.stop('over');
      response.destroy();
      return;
    }
    failure = known ?? failure;
    response.writeHead(answer.statusCode ?? 502, passed(answer)).end(error.body);
  };

  const takeTurn = async (request: IncomingMessage, response: ServerResponse, path: string, body: Buffer): Promise<void> => {
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    if (response.destroyed) return;
    const turn = await begin(body);
    const signal = AbortSignal.any([life.working, gone.signal]);
    const headers = {
      'content-type': 'application/json',
      'content-length': body.length,
      accept: request.headers.accept ?? '*/*',
      'accept-encoding': 'identity',
      'x-codebay-turn': turn.number,
    };
    const ask = { method: 'POST', path: `/llm${path}`, headers, body, idleMs: deps.timeoutMs + EXTRA_MODEL_IDLE_MS, signal };
    const answer = await persist(() => transport.send(ask), AbortSignal.any([signal, AbortSignal.timeout(deps.retryMs)]));
    if ((answer.statusCode ?? 502) >= 400) return passError(response, answer, await readModelError(answer));
    response.writeHead(answer.statusCode ?? 200, passed(answer));
    response.flushHeaders();
    await pipeline(answer, response);
    turns.delivered();
    failure = null;
  };

  const oneAtATime = (work: () => Promise<void>): Promise<void> => {
    const next = queue.then(work);
    queue = next.catch(() => undefined);
    return next;
  };

  const pass = async (response: ServerResponse, path: string): Promise<void> => {
    const answer = await transport.send({ method: 'GET', path, idleMs: MESSAGES_IDLE_MS, signal: life.working });
    if ((answer.statusCode ?? 502) >= 400) return passError(response, answer, await readModelError(answer));
    response.writeHead(answer.statusCode ?? 200, passed(answer));
    await pipeline(answer, response);
  };

  const route = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname: path, searchParams } = new URL(request.url ?? '/', 'http://relay');
    if (request.method === 'GET' && path === '/v1/models') return pass(response, '/llm/v1/models');
    if (request.method === 'GET' && path === '/messages')
      return pass(
        response,
        `/run/messages?after=${Number(searchParams.get('after')) || 0}${searchParams.get('wait') === '0' ? '&wait=0' : ''}`,
      );
    if (request.method !== 'POST' || !TURN_PATHS.includes(path)) return refuse(response, 404, 'there is nothing here', 'not_found');
    const body = await readBody(request, REQUEST_BYTES);
    if (body === null) return refuse(response, 413, `a request may have ${REQUEST_BYTES} bytes`, 'too_large', { connection: 'close' });
    await oneAtATime(() => takeTurn(request, response, path, body));
  };

  const server = createServer((request, response) => {
    route(request, response).catch((error: unknown) => {
      const away = error instanceof GatewayUnreachableError || (error instanceof Error && error.name === 'TimeoutError');
      if (response.headersSent || !away) response.destroy();
      else refuse(response, 503, 'the gateway cannot be reached', 'MODEL_UNAVAILABLE', { 'retry-after': '2' });
    });
  });
  return {
    server,
    /** Why the model's last answer was an error; null after a good one. */
    failure: () => failure,
    /** The newest request; null before the first. */
    transcript: () => transcript,
    /** Resolves when no turn is under way. */
    idle: () => queue,
  };
};
