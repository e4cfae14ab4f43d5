import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Compartment } from '../../tasks/ports/compartment.ts';
import { createEgressRelay } from './egress-relay.ts';
import type { GatewayTransport } from './gateway-transport.ts';
import { failed, limitReached, type Outcome } from './outcome.ts';
import type { ProgramLog } from './program-log.ts';
import { serveUnix } from './unix-server.ts';

const SHOWN_LINES = 20;

/**
 * Runs the script with the secrets and, for as long as it takes, the egress proxy; nothing of it is left running. Returns the failure, or
 * null where it succeeded.
 */
export const runSetup = async (deps: {
  readonly compartment: Compartment;
  readonly transport: GatewayTransport;
  readonly script: string;
  readonly secrets: Readonly<Record<string, string>>;
  /** A folder of the host for the proxy's socket alone. */
  readonly sockets: string;
  readonly log: ProgramLog;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}): Promise<Outcome | null> => {
  const { compartment, script, log, timeoutMs } = deps;
  const { paths } = compartment;
  await mkdir(deps.sockets, { recursive: true });
  const relay = await serveUnix(createEgressRelay(deps.transport), join(deps.sockets, 'proxy.sock'));
  try {
    const exit = await compartment.run({
      argv: [paths.node, `${paths.install}/agent/forwarder.ts`, '--proxy', `${paths.sockets}/proxy.sock`, '--', '/bin/sh', '--', script],
      env: deps.secrets,
      cwd: paths.code,
      sockets: deps.sockets,
      onStdout: log.write,
      timeoutMs,
      signal: deps.signal,
    });
    deps.signal.throwIfAborted();
    const ending = `\n${log.lastLines(SHOWN_LINES)}`;
    if (exit.cause === 'timed_out')
      return failed('SETUP_TIMED_OUT', `${script} took longer than ${Math.round(timeoutMs / 1000)} s${ending}`);
    const limit = limitReached(exit, script);
    if (limit !== null) return limit;
    if (exit.exitCode === 0) return null;
    return failed('SETUP_FAILED', `${script} exited with ${exit.exitCode}${ending}`, exit.exitCode);
  } finally {
    await relay.close();
  }
};
