const BLOCK_BYTES = 512;
const END = Buffer.alloc(2 * BLOCK_BYTES);
const SIZE = { start: 124, end: 136 } as const;

/** The octal number in a header's size field; neither GNU tar nor git writes anything else for sizes below 8 GiB. */
const contentBytesOf = (header: Buffer): number => {
  const sizeBytes = Number.parseInt(header.toString('latin1', SIZE.start, SIZE.end), 8);
  if (Number.isNaN(sizeBytes)) throw new Error('the tar holds a file that is too large');
  return Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
};

/** The members of a tar, without the zeros that mark its end. Every member's content is passed over, so zeros in it are no end. */
async function* members(tar: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer = Buffer.alloc(0);
  let content = 0;
  let ended = false;
  for await (const chunk of tar) {
    // What follows the end is padding; it is read so that the program can finish.
    if (ended) continue;
    const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    let place = Math.min(content, bytes.length);
    content -= place;
    while (content === 0 && place + BLOCK_BYTES <= bytes.length) {
      const header = bytes.subarray(place, place + BLOCK_BYTES);
      if (header[0] === 0) {
        ended = true;
        break;
      }
      content = contentBytesOf(header);
      place += BLOCK_BYTES;
      const step = Math.min(content, bytes.length - place);
      place += step;
      content -= step;
    }
    if (place > 0) yield bytes.subarray(0, place);
    held = bytes.subarray(place);
  }
  if (!ended) throw new Error('the tar has no end');
}

/** One tar of the members of several, in their order. */
export async function* joinTars(tars: readonly AsyncIterable<Buffer>[]): AsyncGenerator<Buffer> {
  for (const tar of tars) yield* members(tar);
  yield END;
}
