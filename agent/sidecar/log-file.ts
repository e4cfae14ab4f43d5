import { open } from 'node:fs/promises';

/** Kept of the end of a log that is cut. */
const TAIL_BYTES = 256 * 1024;

export interface LogFile {
  readonly path: string;
  /** How many bytes of what was written stand in the head, in order of arrival: what a live viewer is shown. */
  write(chunk: Buffer): Promise<number>;
  /** The last lines so far, for people. */
  lastLines(count: number): string;
  /** Writes the end that was kept aside. */
  close(): Promise<void>;
}

/** A log of at most `maxBytes`, whatever is written to it: its beginning, a line that says how much is missing, its end. */
export const openLogFile = async (path: string, maxBytes: number): Promise<LogFile> => {
  const file = await open(path, 'w', 0o600);
  const tailBytes = Math.min(TAIL_BYTES, Math.floor(maxBytes / 2));
  const headBytes = maxBytes - tailBytes;
  let written = 0;
  let recent = Buffer.alloc(0);
  let skipped = 0;
  return {
    path,
    write: async (chunk) => {
      const head = chunk.subarray(0, Math.max(0, headBytes - written));
      if (head.length > 0) await file.write(head);
      written += head.length;
      skipped += chunk.length - head.length;
      recent = Buffer.concat([recent, chunk]);
      if (recent.length > 2 * tailBytes) recent = Buffer.from(recent.subarray(-tailBytes));
      return head.length;
    },
    lastLines: (count) =>
      recent
        .subarray(-16 * 1024)
        .toString()
        .trimEnd()
        .split('\n')
        .slice(-count)
        .join('\n'),
    close: async () => {
      const kept = Math.min(skipped, tailBytes);
      if (skipped > kept) await file.write(`\n[… ${skipped - kept} bytes left out …]\n`);
      if (kept > 0) await file.write(recent.subarray(-kept));
      await file.close();
    },
  };
};
