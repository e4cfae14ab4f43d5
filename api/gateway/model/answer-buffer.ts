/**
 * An answer as it grows, for any number of readers from its first byte on. Whoever writes never waits for a reader, so an answer
 * that was paid for comes to its end even when nobody listens any more.
 */
export interface AnswerBuffer {
  write(chunk: Uint8Array): void;
  end(): void;
  /** Readers see a broken stream, never a clean end. */
  fail(error: Error): void;
  read(): AsyncIterable<Uint8Array>;
  bytes(): Buffer;
}

export const createAnswerBuffer = (): AnswerBuffer => {
  const chunks: Uint8Array[] = [];
  let outcome: 'ended' | Error | null = null;
  let changed = Promise.withResolvers<void>();
  const wake = () => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  return {
    write: (chunk) => {
      chunks.push(chunk);
      wake();
    },
    end: () => {
      outcome ??= 'ended';
      wake();
    },
    fail: (error) => {
      outcome ??= error;
      wake();
    },
    read: async function* () {
      for (let next = 0; ; ) {
        const chunk = chunks[next];
        if (chunk !== undefined) {
          next += 1;
          yield chunk;
        } else if (outcome === null) await changed.promise;
        else if (outcome === 'ended') return;
        else throw outcome;
      }
    },
    bytes: () => Buffer.concat(chunks),
  };
};
