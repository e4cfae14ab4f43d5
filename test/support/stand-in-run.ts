import { randomUUID } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Runner } from '../../tasks/ports/runner.ts';
import type { RunExit, RunOrder } from '../../tasks/run.ts';
import { writeImage } from '../cluster/images.ts';
import { findServer } from '../servers/server-process.ts';

const MiB = 1024 * 1024;

/** Stands in for both images of a run: the sidecar does what the order's identity says, in base64; the others wait for their end. */
export const STAND_IN = 'codebay.test/run:1';
/** The same, but that its agent's part uses memory without end. */
export const HUNGRY = 'codebay.test/hungry:1';
/** The same, but that its agent's part fills 64 MiB of its code folder and hides them. */
export const GREEDY = 'codebay.test/greedy:1';

/** What a stand-in sidecar does. */
export const SCENARIOS = {
  live: "trap 'exit 143' TERM; while :; do sleep 1 & wait $!; done",
  finish: 'exit 0',
  crash: 'echo "no gateway" >&2; exit 3',
  sayIsolation: `printf '{"exitCode":1,"cause":"isolation","detail":"a door is open"}' > /dev/termination-log; exit 1`,
  hunger: 'tail /dev/zero',
  fillDisk: 'dd if=/dev/zero of=/app/scratch/much bs=1M count=64; sleep 600',
} as const;

const WAIT = "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done";
const sidecarProgram = `#!/bin/busybox sh
eval "$(sed -n 's/.*"identity":"\\([^"]*\\)".*/\\1/p' /app/order/order.json | base64 -d)"
`;
const shell = (agent: string): string => `#!/bin/busybox sh
[ "$3" = init ] || exec busybox sh "$@"
case "$4" in */agent) ${agent};; esac
${WAIT}
`;

const APPLETS = ['base64', 'cat', 'chgrp', 'chmod', 'cut', 'dd', 'du', 'echo', 'grep', 'id', 'ls', 'nc', 'printf', 'sed', 'sleep', 'tail'];

const writeStandIn = async (folder: string, reference: string, agent: string): Promise<string> => {
  const root = join(folder, 'root');
  for (const name of ['bin', 'tmp', 'app', 'usr/local/bin']) await mkdir(join(root, name), { recursive: true });
  await writeFile(join(root, 'usr/local/bin/node'), sidecarProgram);
  await writeFile(join(root, 'bin/sh'), shell(agent));
  await copyFile(findServer('busybox'), join(root, 'bin/busybox'));
  for (const applet of APPLETS) await symlink('busybox', join(root, 'bin', applet));
  for (const path of ['usr/local/bin/node', 'bin/sh', 'bin/busybox']) await chmod(join(root, path), 0o755);
  const tar = join(folder, 'image.tar');
  await writeImage(root, reference, { Env: ['PATH=/bin'] }, tar);
  return tar;
};

/** Hands over the stand-ins, one archive after the other. */
export const withStandInImages = async (take: (tar: string) => Promise<unknown>): Promise<void> => {
  // The hungry one is the first process itself, since the kernel may kill a child alone.
  for (const [reference, agent] of [
    [STAND_IN, ':'],
    [HUNGRY, 'exec tail /dev/zero'],
    [GREEDY, 'busybox mkdir /app/code/hidden; dd if=/dev/zero of=/app/code/hidden/much bs=1M count=64; chmod 0 /app/code/hidden'],
  ] as const) {
    const folder = await mkdtemp(join(tmpdir(), 'codebay-stand-in-'));
    try {
      await take(await writeStandIn(folder, reference, agent));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
};

export const orderOf = (script: string, change: Partial<RunOrder> = {}): RunOrder => ({
  runId: `t${randomUUID().slice(0, 8)}-a1`,
  gatewayUrl: 'http://gateway.test:8421',
  identity: Buffer.from(script).toString('base64'),
  limits: { timeMs: 600_000, setupTimeMs: 0, memoryBytes: 48 * MiB, processes: 64, diskBytes: 512 * MiB, logBytes: MiB },
  ...change,
});

/** How the run ended; throws where it goes on for longer. */
export const untilExit = async (runner: Pick<Runner, 'observe'>, runId: string, waitMs = 60_000): Promise<RunExit> => {
  const seen = await runner.observe(runId, { waitMs });
  if (seen.state !== 'exited') throw new Error(`the run ${runId} is ${seen.state}`);
  return seen.exit;
};
