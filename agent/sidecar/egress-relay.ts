import { createServer, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
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

const endToEnd = (message: IncomingMessage): OutgoingHttpHeaders => {
  const named = (message.headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  const dropped = new Set([...HOP_BY_HOP, ...named]);
  return Object.fromEntries(Object.entries(message.headersDistinct).filter(([name]) => !dropped.has(name)));
};

const pump = (from: Duplex, to: Duplex) =>
  pipeline(from, to).catch(() => {
    from.destroy();
    to.destroy();
  });

/** The HTTP proxy that set-up sees: adds the run's identity and hands everything to the gateway, which alone decides what is allowed. */
export const createEgressRelay = (transport: GatewayTransport) => {
  const authorization = { 'proxy-authorization': transport.bearer };
  const server = createServer((request, response) => {
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
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, endToEnd(answer));
      pipeline(answer, response).catch(() => response.destroy());
    });
    onward.on('error', () => {
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end('the gateway cannot be reached\n');
    });
    response.on('close', () => onward.destroy());
    pipeline(request, onward).catch(() => onward.destroy());
  });
  server.on('connect', (request: IncomingMessage, near: Duplex, early: Buffer) => {
    const target = request.url ?? '';
    const onward = transport.open({ method: 'CONNECT', path: target, headers: { host: target, ...authorization }, idleMs: IDLE_MS });
    near.on('error', () => onward.destroy());
    near.on('close', () => onward.destroy());
    onward.on('connect', (answer, far, first) => {
      if (answer.statusCode !== 200) {
        const retry = answer.headers['retry-after'] === undefined ? '' : `Retry-After: ${answer.headers['retry-after']}\r\n`;
        near.end(`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\n${retry}Content-Length: 0\r\n\r\n`);
        far.destroy();
        return;
      }
      near.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      near.write(first);
      far.write(early);
      void pump(near, far);
      void pump(far, near);
    });
    onward.on('error', () => near.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n'));
    onward.end();
  });
  // Downloads of set-up may take as long as set-up itself.
  server.requestTimeout = 0;
  return server;
};
