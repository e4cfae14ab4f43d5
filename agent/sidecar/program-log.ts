import { StringDecoder } from 'node:string_decoder';
import type { EventStream, LogStream } from './event-stream.ts';
import { openLogFile } from './log-file.ts';
import type { Redaction } from './redaction.ts';

export interface ProgramLog {
  readonly path: string;
  /** Resolves when the log has room for more. */
  write(chunk: Buffer): Promise<void>;
  lastLines(count: number): string;
  close(): Promise<void>;
}

/** The output of one program, without secrets: whole in a capped file, and as events as far as the file's head goes. */
export const openProgramLog = async (deps: {
  readonly path: string;
  readonly maxBytes: number;
  readonly stream: LogStream;
  readonly events: Pick<EventStream, 'log'>;
  readonly redaction: Redaction;
}): Promise<ProgramLog> => {
  const file = await openLogFile(deps.path, deps.maxBytes);
  const redacted = deps.redaction.stream();
  const decoder = new StringDecoder('utf8');
  let told = false;
  const take = async (clean: Buffer) => {
    const shown = await file.write(clean);
    await deps.events.log(deps.stream, decoder.write(clean.subarray(0, shown)));
    if (shown === clean.length || told) return;
    told = true;
    await deps.events.log(deps.stream, `\n[the output goes on; its end will stand in the log's file]\n`);
  };
  return {
    path: deps.path,
    write: (chunk) => take(redacted.push(chunk)),
    lastLines: file.lastLines,
    close: async () => {
      await take(redacted.flush());
      await deps.events.log(deps.stream, decoder.end());
      await file.close();
    },
  };
};
