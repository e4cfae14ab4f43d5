import { type IncomingMessage, request, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Admission } from '../admission.ts';
import { asGatewayError, errorResponse } from '../error-response.ts';
import { GatewayError } from '../gateway-error.ts';
import type { GatewayLog } from '../options.ts';
import type { Connections } from './connections.ts';
import { parseAuthority, parseTarget } from './destination.ts';
import { forwardedHeaders } from './hop-headers.ts';

/** Whether a request line asks for a proxy (RFC 9112, absolute form). */
export const isAbsoluteForm = (url: string | undefined): boolean => /^[a-z][a-z0-9+.-]*:\/\//i.test(url ?? '');

const rawResponse = async (error: GatewayError): Promise<string> => {
  const response = errorResponse(error, 'problem');
  const body = await response.text();
  const lines = [...response.headers].map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const length = Buffer.byteLength(body);
  return `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? 'Refused'}\r\n${lines}content-length: ${length}\r\nconnection: close\r\n\r\n${body}`;
};

/** The proxy that set-up's programs use, through the sidecar. */
export const createEgressProxy = (deps: { readonly admission: Admission; readonly connections: Connections; readonly log: GatewayLog }) => {
  const identify = (message: IncomingMessage): string => deps.admission.identify(message.headers['proxy-authorization']);

  /** CONNECT: bytes both ways, unseen. */
  const connect = async (message: IncomingMessage, client: Duplex, head: Buffer): Promise<void> => {
    client.on('error', () => client.destroy());
    try {
      const upstream = await deps.connections.open(identify(message), parseAuthority(message.url ?? ''));
      client.once('close', () => upstream.destroy());
      // A tunnel that was cut ends here for both; what the other side had sent before its own end still arrives.
      upstream.once('close', () => (upstream.readableEnded ? client.end() : client.destroy()));
      if (client.destroyed || upstream.destroyed) {
        client.destroy();
        upstream.destroy();
        return;
      }
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      if (head.length > 0) upstream.write(head);
      client.pipe(upstream);
      upstream.pipe(client);
    } catch (error) {
      if (!client.destroyed) client.end(await rawResponse(asGatewayError(error, deps.log)));
    }
  };

  /** Absolute-form: one request, one answer, redirects left to the client. */
  const forward = async (message: IncomingMessage, reply: ServerResponse): Promise<void> => {
    try {
      const target = parseTarget(message.url ?? '');
      const socket = await deps.connections.open(identify(message), target);
      reply.once('close', () => socket.destroy());
      if (reply.destroyed) socket.destroy();
      const headers = forwardedHeaders(message.rawHeaders, ['host']);
      const sent = request({
        createConnection: () => socket,
        method: message.method,
        path: target.path,
        setHost: false,
        headers: [...headers, 'host', target.authority, 'connection', 'close'],
      });
      const answered = new Promise<IncomingMessage>((resolve, reject) => {
        sent.once('response', resolve);
        sent.once('error', reject);
        socket.once('close', () => reject(new Error('the connection closed')));
      });
      const unreachable = (cause: unknown) =>
        new GatewayError(502, 'EGRESS_UNREACHABLE', `${target.host}:${target.port} did not answer`, { cause });
      const body = pipeline(message, sent);
      const answer = await Promise.race([answered, body.then(() => answered)]).catch((error: unknown) => {
        throw unreachable(error);
      });
      reply.writeHead(answer.statusCode ?? 502, forwardedHeaders(answer.rawHeaders, []));
      await Promise.all([pipeline(answer, reply), body.catch(() => undefined)]);
    } catch (error) {
      if (reply.headersSent) reply.destroy();
      else await answerWith(reply, asGatewayError(error, deps.log));
    }
  };

  const answerWith = async (reply: ServerResponse, error: GatewayError): Promise<void> => {
    const response = errorResponse(error, 'problem');
    reply.writeHead(error.status, { ...Object.fromEntries(response.headers), connection: 'close' });
    reply.end(await response.text());
  };

  return { connect, forward };
};
