import type { ScratchFile } from './scratch-file.ts';

export interface HeadedOutput {
  write(chunk: Buffer): Promise<void>;
  /** The first line so far, without its end. */
  head(): string;
  /** Null where nothing has followed the first line. */
  file(): ScratchFile | null;
}

/** Takes what a command prints: a first line, and then content for a file, which is only made where there is any. */
export const createHeadedOutput = (openFile: () => Promise<ScratchFile>): HeadedOutput => {
  let head = '';
  let headed = false;
  let file: ScratchFile | null = null;
  return {
    write: async (chunk) => {
      let content = chunk;
      if (!headed) {
        const end = chunk.indexOf('\n');
        headed = end >= 0;
        head += chunk.subarray(0, headed ? end : chunk.length).toString();
        content = headed ? chunk.subarray(end + 1) : Buffer.alloc(0);
      }
      if (content.length === 0) return;
      file ??= await openFile();
      await file.write(content);
    },
    head: () => head,
    file: () => file,
  };
};
