import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';

export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** What a test answers a request with; a watch is left open unless it ends the response. */
export type ApiScript = (request: ApiRequest, response: ServerResponse, nth: number) => void;

export const answer = (response: ServerResponse, body: object, status = 200): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};

/** One line of a watch. */
export const tell = (response: ServerResponse, type: string, object: object): void => {
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/json' });
  response.write(`${JSON.stringify({ type, object })}\n`);
};

/** An HTTP server that answers as its script says, for what a real API server can't be made to do at a certain moment. */
export const startScriptedApiServer = async (script: ApiScript) => {
  const requests: ApiRequest[] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://api');
      const text = Buffer.concat(pieces).toString();
      const seen = {
        method: request.method ?? '',
        path: url.pathname,
        query: Object.fromEntries(url.searchParams),
        body: text === '' ? null : (JSON.parse(text) as unknown),
      };
      requests.push(seen);
      script(seen, response, requests.length);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'c', server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, skipTLSVerify: true }],
    users: [{ name: 'u' }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  });
  return {
    config,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
