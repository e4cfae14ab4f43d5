import { FailureError } from '../../tasks/failure.ts';
import type { StationLimits } from '../../tasks/limits.ts';

type CodeLimits = Pick<StationLimits, 'unpackedBytes' | 'files' | 'pathBytes'>;

/** The longest name Linux takes for one part of a path. */
const NAME_BYTES = 255;

const tooLarge = (detail: string): FailureError => new FailureError('SOURCE_TOO_LARGE', detail);

export interface CodeMeter {
  /** Counts one file before it is written; throws SOURCE_TOO_LARGE naming the limit. `path` holds one character a byte. */
  add(path: string, sizeBytes: number): void;
  readonly files: number;
  readonly bytes: number;
}

/** Counts what a source would put on the disk against the station's limits. */
export const createCodeMeter = (limits: CodeLimits): CodeMeter => {
  let files = 0;
  let bytes = 0;
  return {
    add(path, sizeBytes) {
      files += 1;
      bytes += sizeBytes;
      if (path.length > limits.pathBytes) throw tooLarge(`a path is longer than ${limits.pathBytes} bytes`);
      if (path.split('/').some((name) => name.length > NAME_BYTES)) throw tooLarge(`a file name is longer than ${NAME_BYTES} bytes`);
      if (files > limits.files) throw tooLarge(`the code holds more than ${limits.files} files`);
      if (bytes > limits.unpackedBytes) throw tooLarge(`the code is larger than ${limits.unpackedBytes} bytes once unpacked`);
    },
    get files() {
      return files;
    },
    get bytes() {
      return bytes;
    },
  };
};
