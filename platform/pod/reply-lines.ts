import type { Readable } from 'node:stream';

/** Longer than any line that an executor writes. */
const LINE_CHARACTERS = 128;

/** Calls `onLine` for each short line of an untrusted stream, and `spend` for all bytes that come; longer lines are dropped. */
export const readLines = (
  stream: Readable,
  { spend, onLine }: { readonly spend: (bytes: number) => void; readonly onLine: (line: string) => void },
): void => {
  let rest = '';
  stream.on('data', (chunk: Buffer) => {
    spend(chunk.length);
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = (lines.pop() ?? '').slice(0, LINE_CHARACTERS + 1);
    for (const line of lines) if (line.length <= LINE_CHARACTERS) onLine(line);
  });
};
