/**
 * An answer as it grows, for any number of readers from its first byte on. Whoever writes never waits for a reader, so an answer
 * that was paid for comes to its end even when nobody listens any more.
 */
export interface AnswerBuffer {
  write(chunk: Uint8Array): void;
  end(): void;
  /** Readers see a broken stream, never a clean end. */
  fail(error: Error): void;
  read(): ReadableStream<Uint8Array>;
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
    read: () => {
      let next = 0;
      let cancelled = false;
      return new ReadableStream<Uint8Array>({
        pull: async (controller) => {
          while (!cancelled) {
            const chunk = chunks[next];
            if (chunk !== undefined) {
              next += 1;
              return controller.enqueue(chunk);
            }
            if (outcome === 'ended') return controller.close();
            if (outcome !== null) return controller.error(outcome);
            await changed.promise;
          }
        },
        cancel: () => {
          cancelled = true;
        },
      });
    },
    bytes: () => Buffer.concat(chunks),
  };
};
