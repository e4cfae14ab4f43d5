import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';

/** The hash of a stream, read to its end and kept nowhere. */
export const sha256Of = async (body: Readable): Promise<string> => {
  const hash = createHash('sha256');
  for await (const chunk of body) hash.update(chunk);
  return hash.digest('hex');
};
