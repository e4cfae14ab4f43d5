import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { GatewayTransport } from './gateway-transport.ts';

/** Package registries may think for long; the gateway has a shorter limit of its own for silent tunnels. */
const IDLE_MS = 300_000;

/** Of one hop, not of the message; and whoever set-up claims to be is no matter. */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** node:http throws on addresses and headers that it won't send; what set-up made up must not end the supervisor. */
const guarded = (work: () => void, refuse: () => void): void => {
  try {
    work();
  } catch {
    refuse();
  }
};

const endToEnd = (message: IncomingMessage): OutgoingHttpHeaders => {
  const named = (message.headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  const dropped = new Set([...HOP_BY_HOP, ...named]);
  const kept = Object.entries(message.headersDistinct).filter(([name]) => !dropped.has(name));
  // Only what really came more than once is a list: some headers must not be one.
  return Object.fromEntries(kept.map(([name, values = []]) => [name, values.length === 1 ? values[0] : values]));
};

const join = (one: Duplex, other: Duplex): void => {
  const cut = () => {
    one.destroy();
    other.destroy();
  };
  one.on('error', cut).on('close', cut).pipe(other);
  other.on('error', cut).on('close', cut).pipe(one);
};

const refuseTunnel = (near: Duplex, status: string): void => {
  near.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
};

/** The HTTP proxy that set-up sees: adds the run's identity and hands everything to the gateway, which alone decides what is allowed. */
export const createEgressRelay = (transport: GatewayTransport): Server => {
  const authorization = { 'proxy-authorization': transport.bearer };

  const forward = (request: IncomingMessage, response: ServerResponse): void => {
    const path = request.url ?? '';
    if (!/^https?:\/\//i.test(path)) {
      response.writeHead(400).end('this is a proxy: absolute addresses only\n');
      return;
    }
    const onward = transport.open({
      method: request.method ?? 'GET',
      path,
      headers: { ...endToEnd(request), ...authorization },
      idleMs: IDLE_MS,
    });
    const fail = () => {
      onward.destroy();
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end('the gateway cannot be reached\n');
    };
    onward.on('error', fail);
    onward.on('response', (answer) => {
      guarded(() => {
        response.writeHead(answer.statusCode ?? 502, endToEnd(answer));
        pipeline(answer, response).catch(() => response.destroy());
      }, fail);
    });
    response.on('close', () => onward.destroy());
    pipeline(request, onward).catch(() => onward.destroy());
  };

  const tunnel = (request: IncomingMessage, near: Duplex, early: Buffer): void => {
    const target = request.url ?? '';
    const onward = transport.open({ method: 'CONNECT', path: target, headers: { host: target, ...authorization }, idleMs: IDLE_MS });
    near.on('close', () => onward.destroy());
    onward.on('error', () => refuseTunnel(near, '502 Bad Gateway'));
    onward.on('connect', (answer, far, first) => {
      if (answer.statusCode !== 200) {
        far.destroy();
        refuseTunnel(near, `${answer.statusCode} ${answer.statusMessage}`);
        return;
      }
      near.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      near.write(first);
      far.write(early);
      join(near, far);
    });
    onward.end();
  };

  const server = createServer((request, response) =>
    guarded(
      () => forward(request, response),
      () => response.writeHead(400).end(),
    ),
  );
  server.on('connect', (request: IncomingMessage, near: Duplex, early: Buffer) => {
    near.on('error', () => near.destroy());
    guarded(
      () => tunnel(request, near, early),
      () => refuseTunnel(near, '400 Bad Request'),
    );
  });
  // Downloads of set-up may take as long as set-up itself.
  server.requestTimeout = 0;
  return server;
};
