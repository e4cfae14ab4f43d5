import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Context } from 'hono';

export interface GatewayEnv {
  Bindings: HttpBindings;
}

/**
 * Answers 200 with a stream. One that fails takes the connection with it, so that nobody takes a part for the whole: Hono's own
 * adapter answers an early failure with the error's text.
 */
export const sendStream = (
  c: Context<GatewayEnv>,
  body: AsyncIterable<Uint8Array>,
  headers: Readonly<Record<string, string>>,
): Response => {
  const reply = c.env.outgoing;
  reply.writeHead(200, { ...headers, 'cache-control': 'no-store' });
  reply.flushHeaders();
  // Either end may go at any time; the pipeline has closed the other one when it tells.
  pipeline(Readable.from(body), reply).catch(() => reply.destroy());
  return RESPONSE_ALREADY_SENT;
};

/** Answers with an object of the store. */
export const sendObject = (
  c: Context<GatewayEnv>,
  object: { readonly sizeBytes: number; readonly body: Readable },
  contentType: string,
): Response => sendStream(c, object.body, { 'content-type': contentType, 'content-length': String(object.sizeBytes) });
