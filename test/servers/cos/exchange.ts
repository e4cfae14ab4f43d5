import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { CosError } from './cos-error.ts';
import type { Fault } from './faults.ts';

/** One request with all that handlers need of it. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  readonly bucket: string;
  /** Decoded, without the first slash; empty for the bucket itself. */
  readonly key: string;
  readonly query: ReadonlyMap<string, string>;
  readonly fault: Fault | null;
}

/** Thrown where a fault has ended the connection: there is nobody to answer. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/** A body's bytes up to where the fault strikes. */
export async function* faulty(body: AsyncIterable<Buffer>, { request, response, fault }: Exchange): AsyncGenerator<Buffer> {
  let passed = 0;
  for await (const chunk of body) {
    const left = fault !== null && 'afterBytes' in fault ? fault.afterBytes - passed : chunk.length;
    if (left >= chunk.length) {
      passed += chunk.length;
      yield chunk;
      continue;
    }
    if (left > 0) yield chunk.subarray(0, left);
    if (fault?.kind === 'stall') await new Promise<void>((resolve) => response.once('close', resolve));
    else if (fault?.kind === 'truncate') await new Promise<void>((resolve) => request.socket.end(resolve));
    else request.socket.resetAndDestroy();
    throw new ConnectionLost();
  }
}

/** Sends an answer with a body that is known whole. */
export const answer = (exchange: Exchange, status: number, headers: Readonly<Record<string, string>> = {}, body = ''): void => {
  const { request, response, fault } = exchange;
  if (fault?.kind === 'lost_reply') {
    request.socket.resetAndDestroy();
    return;
  }
  const wrong = fault?.kind === 'wrong_crc' ? { 'x-cos-hash-crc64ecma': '1' } : {};
  const type: Record<string, string> = body === '' ? {} : { 'Content-Type': 'application/xml' };
  response.writeHead(status, { ...type, 'Content-Length': String(Buffer.byteLength(body)), ...headers, ...wrong });
  response.end(body);
};

/** Reads a small XML body. COS checks its Content-MD5, and demands one of deletions and rules. */
export const readXml = async ({ request }: Exchange, md5: 'demanded' | 'checked'): Promise<string> => {
  const body = await buffer(request);
  const given = request.headers['content-md5'];
  const actual = createHash('md5').update(body).digest('base64');
  if (given === undefined ? md5 === 'demanded' : given !== actual)
    throw new CosError(400, 'InvalidDigest', 'The Content-MD5 you specified was invalid.');
  return body.toString();
};

const unescapeXml = (text: string): string =>
  text
    .replace(/&#x([0-9a-f]+);/gi, (_, code) => String.fromCodePoint(Number.parseInt(code, 16)))
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&');

/** The texts of all elements of that name. */
export const elements = (xml: string, name: string): string[] =>
  [...xml.matchAll(new RegExp(`<${name}>([\\s\\S]*?)</${name}>`, 'g'))].map(([, text]) => text ?? '');
export const textsOf = (xml: string, name: string): string[] => elements(xml, name).map(unescapeXml);
