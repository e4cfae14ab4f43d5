import { createHash } from 'node:crypto';

/** The Content-MD5 that COS demands with XML bodies. */
export const md5Header = (body: Uint8Array): string => createHash('md5').update(body).digest('base64');
