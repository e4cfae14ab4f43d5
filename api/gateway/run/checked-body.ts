import { createHash } from 'node:crypto';
import { Readable, Transform } from 'node:stream';
import { invalid } from '../gateway-error.ts';

/** Passes bytes through and fails at the end where they aren't what they were announced as, so that nothing is stored. */
export const checkedAgainst = (sha256: string): Transform => {
  const hash = createHash('sha256');
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      hash.update(chunk);
      done(null, chunk);
    },
    flush: (done) => done(hash.digest('hex') === sha256 ? null : invalid('the body does not have this SHA-256')),
  });
};

export const bodyOf = (request: Request): Readable => (request.body === null ? Readable.from([]) : Readable.fromWeb(request.body));
