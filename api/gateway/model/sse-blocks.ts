const BLANK_LINE = /\r\n\r\n|\n\n|\r\r/;

/** One event of a stream, byte for byte as it came, blank line included. */
export interface SseBlock {
  readonly bytes: Buffer;
  /** Its data lines joined; null for comments and the like. */
  readonly data: string | null;
}

const blockOf = (text: string): SseBlock => {
  const lines = text.split(/\r\n|\n|\r/).filter((line) => line.startsWith('data:'));
  const data = lines.length === 0 ? null : lines.map((line) => line.slice(line.startsWith('data: ') ? 6 : 5)).join('\n');
  return { bytes: Buffer.from(text, 'latin1'), data: data === null ? null : Buffer.from(data, 'latin1').toString() };
};

/** Cuts a byte stream into whole events; a rest without a blank line is given up as a last block. */
export async function* sseBlocks(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<SseBlock> {
  // Latin-1 keeps every byte as one character: nothing is lost where a chunk ends inside a character of UTF-8.
  let rest = '';
  for await (const chunk of chunks) {
    rest += Buffer.from(chunk).toString('latin1');
    for (let end = BLANK_LINE.exec(rest); end !== null; end = BLANK_LINE.exec(rest)) {
      const length = end.index + end[0].length;
      yield blockOf(rest.slice(0, length));
      rest = rest.slice(length);
    }
  }
  if (rest !== '') yield blockOf(rest);
}
