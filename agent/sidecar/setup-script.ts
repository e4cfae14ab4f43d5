import { createHash } from 'node:crypto';
import { FailureError } from '../../tasks/failure.ts';
import type { Compartment } from '../../tasks/ports/compartment.ts';
import type { SetupScript } from '../../tasks/setup-protocol.ts';
import { DEFAULT_SETUP_SCRIPTS } from '../../tasks/setup-scripts.ts';

const MAX_BYTES = 1024 * 1024;
const TIMEOUT_MS = 60_000;

/** The number of the first name that is a plain file, on a line of its own, and its content. */
const READ = `
  limit=$1 at=0
  shift
  for name; do
    at=$((at + 1))
    if [ -f "./$name" ] && [ ! -L "./$name" ]; then echo "$at"; exec head -c "$limit" "./$name"; fi
  done
`;

/**
 * Names the set-up script of the staged code and hashes it: the one that is asked for, or one of the default names where nothing is said.
 * Null: there is none. Read inside, where the code is, before anything untrusted has run. Throws `FailureError`.
 */
export const findSetupScript = async (
  compartment: Compartment,
  named: string | null | undefined,
  signal: AbortSignal,
): Promise<SetupScript | null> => {
  if (named === null) return null;
  const names = named === undefined ? DEFAULT_SETUP_SCRIPTS : [named];
  const chunks: Buffer[] = [];
  const exit = await compartment.run({
    argv: ['/bin/sh', '-euc', READ, 'find', String(MAX_BYTES + 1), ...names],
    cwd: compartment.paths.code,
    side: true,
    onStdout: (chunk) => void chunks.push(chunk),
    onStderr: () => undefined,
    timeoutMs: TIMEOUT_MS,
    signal,
  });
  signal.throwIfAborted();
  if (exit.exitCode !== 0) throw new FailureError('INTERNAL', `the set-up script could not be read: ${exit.cause} ${exit.exitCode}`);
  const output = Buffer.concat(chunks);
  const end = output.indexOf('\n');
  const path = names[Number(output.subarray(0, end)) - 1];
  if (path === undefined) {
    if (named === undefined) return null;
    throw new FailureError('SETUP_FAILED', `${named} is not a plain file of the code`);
  }
  const content = output.subarray(end + 1);
  if (content.length > MAX_BYTES) throw new FailureError('SETUP_REFUSED', `${path} is larger than ${MAX_BYTES} bytes`);
  return { path, sha256: createHash('sha256').update(content).digest('hex') };
};
