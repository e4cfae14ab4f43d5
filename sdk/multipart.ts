import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { TransportRequest } from './transport.ts';

/**
 * A multipart body with the task first and the zip after it, streamed with flat memory. `FormData` would do neither: it needs
 * the zip as a blob, and the server wants the task before the first byte of code.
 */
export const multipartOf = (task: unknown, zip: Readable): TransportRequest & { readonly headers: Record<string, string> } => {
  const boundary = `codebay-${randomUUID()}`;
  async function* parts() {
    yield Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="task"\r\nContent-Type: application/json\r\n\r\n${JSON.stringify(task)}\r\n` +
        `--${boundary}\r\nContent-Disposition: form-data; name="code"; filename="code.zip"\r\nContent-Type: application/zip\r\n\r\n`,
    );
    yield* zip;
    yield Buffer.from(`\r\n--${boundary}--\r\n`);
  }
  return {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: Readable.toWeb(Readable.from(parts(), { objectMode: false })) as ReadableStream<Uint8Array>,
    duplex: 'half',
  };
};
