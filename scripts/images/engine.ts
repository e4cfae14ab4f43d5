import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { execa } from 'execa';
import { which } from '../setup/command.mjs';
import { engineAnswers } from '../setup/engine.mjs';
import { exclusively } from '../setup/exclusive.mjs';
import { serverPath } from '../setup/servers.mjs';

const READY_MS = 60_000;
const LOOK_EVERY_MS = 50;
const LAST_LINES = 40;

/** A Docker engine. */
export interface Engine {
  /** By which a client finds it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Runs `docker` on it and returns its standard output; rejects with what it said. `onLine` hears the lines of its standard error. */
  docker(args: readonly string[], onLine?: (line: string) => void): Promise<string>;
}

export class EngineMissingError extends Error {
  override readonly name = 'EngineMissingError';
}

/** A command that the engine refused or that failed, with the last lines of what it said. */
export class EngineCommandError extends Error {
  override readonly name = 'EngineCommandError';
}

const client =
  (env: Readonly<Record<string, string>>): Engine['docker'] =>
  async (args, onLine = () => undefined) => {
    const options = { env: { ...env, DOCKER_BUILDKIT: '1', BUILDKIT_PROGRESS: 'plain' }, stdin: 'ignore', reject: false } as const;
    const child = execa('docker', args, options);
    for await (const line of child.iterable({ from: 'stderr' })) onLine(line);
    const { failed, stdout, stderr } = await child;
    if (!failed) return stdout;
    throw new EngineCommandError(`docker ${args[0]} failed:\n${`${stdout}\n${stderr}`.trim().split('\n').slice(-LAST_LINES).join('\n')}`);
  };

const ready = async (docker: Engine['docker'], socket: string, daemon: PromiseLike<{ readonly all?: unknown }>): Promise<void> => {
  let words: unknown;
  void daemon.then(({ all }) => {
    words = all ?? '';
  });
  const answers = () =>
    docker(['version']).then(
      () => true,
      () => false,
    );
  for (const deadline = Date.now() + READY_MS; !existsSync(socket) || !(await answers()); await pause(LOOK_EVERY_MS)) {
    if (words !== undefined) throw new Error(`the engine ended before it was ready: ${words}`);
    if (Date.now() > deadline) throw new Error(`the engine is not ready after ${READY_MS / 1000} s`);
  }
};

const NO_BRIDGES = ['--bridge=none', '--iptables=false', '--ip-forward=false', '--ip-masq=false'];

/**
 * Starts an engine for `work` and stops it afterwards. It needs root and Debian's `docker.io`, no systemd and no firewall rules: builds and
 * containers have the machine's network or none. `bridges`: it makes networks and firewall rules of its own, so that it should stand in a network
 * namespace of its own. What it built stays in `folder`, which one process at a time may use.
 */
export const withOwnEngine = async <T>(
  folder: string,
  work: (engine: Engine) => Promise<T>,
  { bridges = false }: { readonly bridges?: boolean } = {},
): Promise<T> => {
  const dockerd = which('dockerd', { PATH: serverPath() });
  if (dockerd === null || process.getuid?.() !== 0)
    throw new EngineMissingError(
      'no Docker engine runs, and none can be started here: start one that `docker version` reaches, or run `node scripts/setup.mjs --images` as root',
    );
  const attempt = async (): Promise<T> => {
    await mkdir(folder, { recursive: true });
    // Sockets need a short path.
    const scratch = await mkdtemp(join(tmpdir(), 'engine-'));
    const host = `unix://${scratch}/docker.sock`;
    const stay = ['--data-root', folder, '--exec-root', join(scratch, 'exec'), '--pidfile', join(scratch, 'pid'), '--host', host];
    const daemon = execa(dockerd, [...stay, ...(bridges ? [] : NO_BRIDGES), '--log-level=error'], {
      stdin: 'ignore',
      all: true,
      reject: false,
    });
    try {
      // The client of the same package: a newer one may refuse to talk to this engine.
      const environment = { DOCKER_HOST: host, DOCKER_CONFIG: scratch };
      const docker = client({ ...environment, PATH: `/usr/bin:${serverPath()}` });
      await ready(docker, join(scratch, 'docker.sock'), daemon);
      return await work({ environment, docker });
    } finally {
      daemon.kill('SIGTERM');
      await daemon;
      await rm(scratch, { recursive: true, force: true });
    }
  };
  return exclusively(folder, () => process.stderr.write('images: another process has the engine; waiting for it\n'), attempt);
};

/** Does `work` with the engine that runs already, else with one of our own. */
export const withEngine = async <T>(folder: string, work: (engine: Engine) => Promise<T>): Promise<T> =>
  (await engineAnswers()) ? work({ environment: {}, docker: client({}) }) : withOwnEngine(folder, work);
