import { type ClientRequest, Agent as HttpAgent, type IncomingMessage, type OutgoingHttpHeaders, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GatewayUnreachableError } from './gateway-error.ts';

export interface GatewayRequest {
  readonly method: string;
  /** With its query; absolute for a proxied request, `host:port` for CONNECT. */
  readonly path: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer | Readable;
  /** How long the connection may be silent in either direction. */
  readonly idleMs: number;
  readonly signal?: AbortSignal;
}

export interface GatewayTransport {
  /** Resolves with the head of the answer, whatever its status; throws `GatewayUnreachableError` where there is none. */
  send(request: GatewayRequest): Promise<IncomingMessage>;
  /** The bare request, not sent yet: for the egress relay. */
  open(request: Omit<GatewayRequest, 'body'>): ClientRequest;
  readonly bearer: string;
  close(): void;
}

/** One gateway as one run sees it. The identity goes to this address only; redirects are never followed. */
export const createGatewayTransport = (gateway: { readonly url: string; readonly identity: string }): GatewayTransport => {
  const { protocol, hostname, port } = new URL(gateway.url);
  const secure = protocol === 'https:';
  const agent = secure ? new HttpsAgent({ keepAlive: true, maxFreeSockets: 4 }) : new HttpAgent({ keepAlive: true, maxFreeSockets: 4 });
  const bearer = `Bearer ${gateway.identity}`;
  const open: GatewayTransport['open'] = ({ method, path, headers, idleMs, signal }) => {
    const request = (secure ? requestHttps : requestHttp)({
      // WHATWG URLs keep the brackets of an IPv6 address; node:http wants none.
      hostname: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? (secure ? 443 : 80) : port,
      method,
      path,
      headers,
      agent: method === 'CONNECT' ? false : agent,
      ...(signal === undefined ? {} : { signal }),
    });
    request.setTimeout(idleMs, () => request.destroy(new GatewayUnreachableError(`no word from the gateway for ${idleMs} ms`)));
    return request;
  };
  const send: GatewayTransport['send'] = ({ body, ...rest }) =>
    new Promise((resolve, reject) => {
      const request = open({ ...rest, headers: { ...rest.headers, authorization: bearer } });
      request.on('response', resolve);
      request.on('error', (cause) => reject(new GatewayUnreachableError('the gateway cannot be reached', { cause })));
      if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) request.end(body);
      else pipeline(body, request).catch((cause) => reject(new GatewayUnreachableError('the upload broke off', { cause })));
    });
  return { send, open, bearer, close: () => agent.destroy() };
};
