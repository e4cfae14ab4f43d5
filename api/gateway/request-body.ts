import type { z } from 'zod';
import { invalid, tooLarge } from './gateway-error.ts';

/** The whole body; throws 413 as soon as it is longer than `maxBytes`. */
export const readBody = async (request: Request, maxBytes: number): Promise<Buffer> => {
  const refuse = () => tooLarge(`the body is larger than ${maxBytes} bytes`);
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) throw refuse();
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of request.body ?? []) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > maxBytes) throw refuse();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};

export const parseJson = (body: Buffer): unknown => {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw invalid('the body is not JSON');
  }
};

/** The body as its schema wants it; throws 400 naming the field, never its value. */
export const readReport = async <T extends z.ZodType>(request: Request, schema: T, maxBytes: number): Promise<z.output<T>> => {
  const parsed = schema.safeParse(parseJson(await readBody(request, maxBytes)));
  if (parsed.success) return parsed.data;
  throw invalid(parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '));
};
