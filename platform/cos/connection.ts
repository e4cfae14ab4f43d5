import { Agent, type ClientRequest, type IncomingMessage, request as sendHttp } from 'node:http';
import { request as sendHttps, Agent as TlsAgent } from 'node:https';
import type { Socket } from 'node:net';
import { CosConnectionError } from './exchange-errors.ts';
import type { CosTiming } from './options.ts';

/** Of one process; who wants more waits for a free one. */
const MAX_SOCKETS = 256;
const KEEP_ALIVE_MS = 15_000;

export interface HttpRequest {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
}

export interface CosConnection {
  /** Resolves with the answer's head; its body is still to be read, and the signal goes on to end it. Rejects with `CosConnectionError` or `AbortError`. */
  send(request: HttpRequest, signal: AbortSignal | undefined): Promise<IncomingMessage>;
}

/** Told by name and code: what Node throws needn't be of this realm's classes. */
const textOf = (error: unknown, field: 'name' | 'code'): string =>
  typeof error === 'object' && error !== null && field in error ? String(Reflect.get(error, field)) : '';

/** `AbortError` stays what it is; all else that a socket, TLS or the HTTP parser throws is a connection's failure. */
export const asConnectionError = (error: unknown): unknown => {
  if (error instanceof CosConnectionError || textOf(error, 'name') === 'AbortError') return error;
  return new CosConnectionError(`the connection failed (${textOf(error, 'code') || textOf(error, 'name')})`, { cause: error });
};

/** Destroys a socket that isn't connected, TLS included, in time. */
const limitConnecting = (socket: Socket, secure: boolean, connectMs: number, fail: (error: Error) => void): void => {
  if (!socket.connecting) return;
  const timer = setTimeout(() => fail(new CosConnectionError(`no connection after ${connectMs} ms`)), connectMs);
  const done = (): void => clearTimeout(timer);
  socket.once(secure ? 'secureConnect' : 'connect', done).once('close', done);
};

/** By hand, because Node hands a request's `signal` on to the socket, which other requests use after this one. */
const whenAborted = (signal: AbortSignal | undefined, sent: ClientRequest, fail: (error: Error) => void): void => {
  const abort = (): void => fail(new DOMException('The request was aborted.', 'AbortError'));
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  sent.once('close', () => signal?.removeEventListener('abort', abort));
};

/** Keep-alive connections to COS, or to the server at `endpoint`. Proxies of the environment are not used. */
export const createConnection = (endpoint: string | null, timing: CosTiming): CosConnection => {
  const target = endpoint === null ? null : new URL(endpoint);
  const secure = target === null || target.protocol === 'https:';
  const options = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS, maxSockets: MAX_SOCKETS };
  const agent = secure ? new TlsAgent(options) : new Agent(options);
  const open = secure ? sendHttps : sendHttp;

  return {
    send: ({ method, host, path, headers, body }, signal) =>
      new Promise((resolve, reject) => {
        const place = target === null ? { host } : { host: target.hostname.replace(/^\[|\]$/g, ''), port: target.port };
        // The certificate is that of the host's name, wherever the connection goes.
        const sent = open({ ...place, servername: host, method, path, headers, agent });
        const fail = (error: Error): void => {
          reject(error);
          // Without the error: a socket that is just being given back has nobody who would listen to it.
          sent.destroy();
        };
        sent.setTimeout(timing.idleMs, () => fail(new CosConnectionError(`nothing moved for ${timing.idleMs} ms`)));
        sent.once('socket', (socket) => limitConnecting(socket, secure, timing.connectMs, fail));
        // Errors after the head are the answer's, too; here they must only not be uncaught.
        sent.on('error', (error) => reject(asConnectionError(error)));
        sent.once('response', (answer) => {
          // Whoever reads it is told; one that is thrown away unread must not end the process.
          answer.on('error', () => {});
          resolve(answer);
        });
        whenAborted(signal, sent, fail);
        sent.end(body);
      }),
  };
};
