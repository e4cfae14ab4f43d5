import { Readable } from 'node:stream';
import type { ReadableStream as NodeWebStream } from 'node:stream/web';

export interface Download {
  readonly sizeBytes: number;
  readonly contentType: string;
  readonly filename: string;
  readonly body: Readable;
}

/** What a run made is untrusted: never shown in the API's origin, never sniffed, never run. */
export const downloadOf = ({ sizeBytes, contentType, filename, body }: Download): Response =>
  new Response(Readable.toWeb(body) as NodeWebStream<Uint8Array> as ReadableStream<Uint8Array>, {
    headers: {
      'content-type': contentType,
      'content-length': String(sizeBytes),
      'content-disposition': `attachment; filename="${filename.replace(/[^\w.-]/g, '_')}"`,
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'",
    },
  });
