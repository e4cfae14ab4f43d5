/** A text generator as a response body, asked for no more than the client reads. A client that goes aborts `stop` and ends the generator. */
export const bodyOf = (frames: AsyncGenerator<string, void, void>, stop: AbortController): ReadableStream<Uint8Array> => {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const frame = await frames.next();
        if (frame.done === true) controller.close();
        else controller.enqueue(encoder.encode(frame.value));
      },
      cancel: async () => {
        stop.abort();
        await frames.return();
      },
    },
    { highWaterMark: 0 },
  );
};
