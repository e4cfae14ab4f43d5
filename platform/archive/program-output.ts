import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Program {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly input?: Buffer;
}

/** What a program writes, no faster than it is read. Throws where the program fails; ends it where the reader goes. */
export async function* programOutput({ file, args, cwd, env, input = Buffer.alloc(0) }: Program): AsyncGenerator<Buffer> {
  const child = spawn(file, args, { cwd, env, stdio: ['pipe', 'pipe', 'ignore'] });
  const exit = once(child, 'close') as Promise<[number | null]>;
  // Awaited below; a listener from the start keeps an early failure from going unheard.
  exit.catch(() => {});
  child.stdin.on('error', () => {}).end(input);
  try {
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) yield chunk;
    const [exitCode] = await exit;
    if (exitCode !== 0) throw new Error(`${file} ended with ${exitCode === null ? 'a signal' : `code ${exitCode}`}`);
  } finally {
    child.kill('SIGKILL');
  }
}
