import { spawn } from 'node:child_process';
import { type AddressInfo, connect, createServer } from 'node:net';
import { constants } from 'node:os';
import { parseArgs } from 'node:util';

/*
 * Runs first inside a compartment, which has no network: shows the sidecar's unix sockets as loopback ports and tells its child where.
 *
 *   forwarder.ts [--model SOCKET] [--proxy SOCKET] -- PROGRAM ARGUMENTS…
 */

/** Pipes every connection of a free loopback port to a unix socket, each direction with its own end; returns the port. */
const forward = (socketPath: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true }, (near) => {
      const far = connect({ path: socketPath, allowHalfOpen: true });
      const cut = () => {
        near.destroy();
        far.destroy();
      };
      near.on('error', cut).pipe(far);
      far.on('error', cut).pipe(near);
      // A reset arrives as a close without an end; the other side has to see a cut too, or a dropped stream would look finished.
      near.on('close', () => far.readableEnded || far.destroy());
      far.on('close', () => far.readableEnded || near.resetAndDestroy());
    });
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });

const modelEnv = (port: number) => ({ OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`, OPENAI_API_KEY: 'placeholder' });

const proxyEnv = (port: number) => {
  const proxy = `http://127.0.0.1:${port}`;
  const around = '127.0.0.1,localhost';
  return { HTTP_PROXY: proxy, HTTPS_PROXY: proxy, http_proxy: proxy, https_proxy: proxy, NO_PROXY: around, no_proxy: around };
};

/** Runs the child on this process's own standard streams; its exit code, or 128 + the signal that ended it, or 127 where it can't start. */
const runChild = (program: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<number> =>
  new Promise((resolve) => {
    // Before there is a child: a signal between its start and the handler would end this process and leave the child behind.
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => child.kill(signal));
    const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, ...env } });
    child.on('error', (error) => {
      console.error(`cannot start ${program}: ${error.message}`);
      resolve(127);
    });
    child.on('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });

const { values, positionals } = parseArgs({ options: { model: { type: 'string' }, proxy: { type: 'string' } }, allowPositionals: true });
const [program, ...args] = positionals;
if (program === undefined) {
  console.error('usage: forwarder.ts [--model SOCKET] [--proxy SOCKET] -- PROGRAM ARGUMENTS…');
  process.exit(64);
}
const env = {
  ...(values.model === undefined ? {} : modelEnv(await forward(values.model))),
  ...(values.proxy === undefined ? {} : proxyEnv(await forward(values.proxy))),
};
process.exit(await runChild(program, args, env));
