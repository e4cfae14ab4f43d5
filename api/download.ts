import { Readable } from 'node:stream';
import type { ReadableStream as NodeWebStream } from 'node:stream/web';
import type { Context } from 'hono';
import type { ApiEnvironment } from './environment.ts';

export interface Download {
  readonly sizeBytes: number;
  readonly contentType: string;
  readonly filename: string;
  readonly body: Readable;
}

/** What a run made is untrusted: never shown in the API's origin, never sniffed, never run. */
export const download = (c: Context<ApiEnvironment>, { sizeBytes, contentType, filename, body }: Download): Response =>
  c.body(Readable.toWeb(body) as NodeWebStream<Uint8Array> as ReadableStream<Uint8Array>, 200, {
    'content-type': contentType,
    'content-length': String(sizeBytes),
    'content-disposition': `attachment; filename="${filename.replace(/[^\w.-]/g, '_')}"`,
    'content-security-policy': "sandbox; default-src 'none'",
  });
