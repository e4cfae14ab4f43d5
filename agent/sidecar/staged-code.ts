import { pipeline } from 'node:stream/promises';
import { createZstdDecompress } from 'node:zlib';
import { FailureError } from '../../tasks/failure.ts';
import type { Compartment } from '../../tasks/ports/compartment.ts';
import type { GatewayClient } from './gateway-client.ts';
import { GatewayUnreachableError } from './gateway-error.ts';
import { persist } from './persist.ts';

/** Each attempt begins with an empty folder; archives are read by the run's own user, inside. */
const UNPACK = 'find . -mindepth 1 -delete && exec tar -x -f - --no-same-owner --no-same-permissions';
const TIMEOUT_MS = 30 * 60_000;
const ATTEMPTS = 3;

/** Fetches the staged code and unpacks it inside the compartment; a download that breaks off begins again. */
export const unpackStagedCode = async (deps: {
  readonly gateway: Pick<GatewayClient, 'code'>;
  readonly compartment: Compartment;
  readonly signal: AbortSignal;
}): Promise<void> => {
  const { gateway, compartment, signal } = deps;
  let failures = 0;
  const attempt = async () => {
    const download = await gateway.code(signal);
    const archive = createZstdDecompress();
    const broken = new AbortController();
    // An end of the archive that never comes must not be mistaken for its end.
    const transfer = pipeline(download, archive).catch((cause) => {
      broken.abort();
      return new GatewayUnreachableError('the code broke off', { cause });
    });
    let errors = '';
    const command = compartment.run({
      argv: ['/bin/sh', '-c', UNPACK],
      cwd: compartment.paths.code,
      stdin: archive,
      onStdout: (chunk) => {
        errors = (errors + chunk.toString()).slice(-2000);
      },
      timeoutMs: TIMEOUT_MS,
      signal: AbortSignal.any([signal, broken.signal]),
    });
    // A broken archive fails the command's input, which ends the command with an error of its own.
    const exit = await command.catch(async (error: unknown) => {
      signal.throwIfAborted();
      throw (await transfer) ?? error;
    });
    const unpacked = exit.cause === 'finished' && exit.exitCode === 0;
    if (!unpacked) download.destroy();
    const failure = await transfer;
    signal.throwIfAborted();
    if (unpacked && failure === undefined) return;
    if (exit.cause === 'disk_full') throw new FailureError('DISK_FULL', 'the disk was full while the code was unpacked');
    if (broken.signal.aborted && exit.cause === 'aborted') throw failure;
    failures += 1;
    const detail = `the staged code could not be unpacked: ${exit.cause} ${exit.exitCode}: ${errors.trim()}`;
    throw failures < ATTEMPTS ? new GatewayUnreachableError(detail) : new FailureError('INTERNAL', detail);
  };
  await persist(attempt, signal);
};
