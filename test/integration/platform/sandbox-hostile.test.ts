import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { NOBODY_UID, processesWith, startSandboxWorker } from '../../support/sandbox-client.ts';
import { NODE } from '../../support/sandbox-run.ts';

type Worker = Awaited<ReturnType<typeof startSandboxWorker>>;

const isRoot = process.geteuid?.() === 0;
/** Scripts print this where they got what they were after. No script changes the machine if it does. */
const REACHED = 'REACHED';

const base = mkdtempSync('/tmp/cb-');
const canary = `canary${process.pid}x`;
/** As a pattern that doesn't match itself on a command line. */
const canaryPattern = `[c]${canary.slice(1)}`;
const servers: Server[] = [];
let bystander: ChildProcess;
let port = 0;

const listen = async (where: { port: number; host: string } | { path: string }): Promise<Server> => {
  const server = createServer((socket) => socket.on('error', () => undefined).end('hello'));
  server.listen(where);
  await once(server, 'listening');
  servers.push(server);
  return server;
};

const connect = (target: string): string =>
  `"$NODE" -e 'require("net").connect(${target}).on("connect",()=>{console.log("${REACHED}");process.exit()}).on("error",()=>process.exit(1))'`;
const withNode = (script: string): string => `NODE=/opt/codebay/bin/node; [ -x $NODE ] || NODE=${NODE}; ${script}`;
const reached = (condition: string): string => `if ${condition}; then echo ${REACHED}; fi`;

/** `control`: whether an ordinary user without isolation really gets there, so that the probe is known to work. */
const PROBES: readonly { name: string; control: boolean; script: () => string }[] = [
  { name: "connect to the host's loopback", control: true, script: () => connect(`${port},"127.0.0.1"`) },
  { name: 'connect to an abstract socket of the host', control: true, script: () => connect(`{path:"\\0${canary}"}`) },
  { name: 'connect to a socket file of the host', control: true, script: () => connect(`{path:"${base}/open/host.sock"}`) },
  {
    name: 'have any interface but loopback',
    control: false,
    script: () => reached("grep -v -e '|' -e '^ *lo:' /proc/net/dev | grep -q :"),
  },
  { name: 'write outside its folders', control: true, script: () => reached(`touch ${base}/open/written`) },
  {
    name: 'write to the system',
    control: false,
    script: () => reached('[ -w /usr/bin ] || [ -w /etc ] || [ -w / ] || [ -w /opt/codebay/agent ]'),
  },
  { name: "read the host's files", control: true, script: () => reached(`cat ${base}/open/secret`) },
  {
    name: 'read its identity',
    control: true,
    script: () => reached(`cat ${base}/*/*/hostile-a1/identity | grep -q canary`),
  },
  { name: "see the host's processes", control: true, script: () => reached(`grep -q '${canaryPattern}' /proc/[0-9]*/cmdline`) },
  {
    name: "read another process's environment",
    control: true,
    script: () => reached(`grep -q '${canaryPattern}' /proc/[0-9]*/environ 2>/dev/null`),
  },
  { name: 'signal a process of the host', control: true, script: () => reached(`kill -0 ${bystander.pid}`) },
  { name: 'make a user namespace', control: true, script: () => reached('unshare -r true') },
  { name: 'mount', control: true, script: () => reached('unshare -rm mount -t tmpfs none /mnt') },
  { name: 'write kernel settings', control: false, script: () => reached('( : >>/proc/sys/kernel/core_pattern )') },
  {
    name: 'gain privileges by a set-uid program',
    control: false,
    script: () => reached("su -c true </dev/null || grep -q 'NoNewPrivs:.0' /proc/self/status"),
  },
  { name: 'keep capabilities', control: false, script: () => reached("grep '^Cap' /proc/self/status | grep -qv 0000000000000000") },
  { name: 'have more processes than allowed', control: true, script: () => `for i in $(seq 100); do sleep 20 & done; echo ${REACHED}` },
  ...(process.arch === 'x64'
    ? [
        { name: 'reach a kernel keyring', control: true, script: () => reached(`perl -e 'exit(syscall(250, 0, -4, 1) < 0)'`) },
        { name: 'use io_uring', control: false, script: () => reached(`perl -e '$p = "\\0" x 256; exit(syscall(425, 1, $p) < 0)'`) },
        { name: 'call by x32 numbers', control: false, script: () => reached(`perl -e 'exit(syscall(0x40000027) < 0)'`) },
      ]
    : []),
];

beforeAll(async () => {
  mkdirSync(join(base, 'open'));
  mkdirSync(join(base, 'closed'), { mode: 0o700 });
  mkdirSync(join(base, 'nobody'), { mode: 0o700 });
  chmodSync(base, 0o755);
  writeFileSync(join(base, 'open/secret'), 'secret');
  if (isRoot) chownSync(join(base, 'nobody'), NOBODY_UID, NOBODY_UID);
  const server = await listen({ host: '127.0.0.1', port: 0 });
  const address = server.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
  await listen({ path: `\0${canary}` });
  await listen({ path: join(base, 'open/host.sock') });
  for (const path of ['open', 'open/host.sock']) chmodSync(join(base, path), 0o777);
  const ids = isRoot ? { uid: NOBODY_UID, gid: NOBODY_UID } : {};
  bystander = spawn('sh', ['-c', 'cat', canary], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: process.env.PATH, CANARY: canary },
    ...ids,
  });
  await once(bystander, 'spawn');
});

afterAll(async () => {
  bystander.stdin?.end();
  for (const server of servers) server.close();
  rmSync(base, { recursive: true, force: true });
});

const workerOf = (mode: 'root' | 'user' | 'none', runId = 'hostile-a1'): Promise<Worker> =>
  startSandboxWorker({
    // Root's runs stand below a folder that only root may enter, as a root user's home.
    runsDir: join(base, mode === 'root' ? 'closed' : 'nobody', mode),
    runId,
    mode,
    asNobody: isRoot && mode !== 'root',
    env: { CANARY: canary },
  });

/** A daemon that leaves its parents, its session and its group; its command line holds `word`. */
const daemon = (word: string): string => `setsid sh -c 'sh -c "echo started; cat /dev/zero >/dev/null" ${word} & ' & `;

const untilNone = async (word: string): Promise<void> => {
  while (processesWith(word).length > 0) await turn();
};

/** Root makes mounts itself; `user` needs a user namespace. Both run where the test has root to drop. */
const MODES = isRoot ? (['root', 'user'] as const) : (['user'] as const);

describe.each(MODES)('a hostile program, isolated by bubblewrap as %s', (mode) => {
  let worker: Worker;

  beforeAll(async () => {
    worker = await workerOf(mode);
  });
  afterAll(() => worker.end());

  test.each(PROBES)('cannot $name', async ({ script }) => {
    const { output } = await worker.run(withNode(script()));
    expect(output).not.toContain(REACHED);
  });

  test('has its own folders, system programs and nothing else in its environment and descriptors', async () => {
    const { exit, output } = await worker.run(
      'set -e; for f in /app/code /app/home /app/output /tmp /dev/shm; do echo x >$f/x; done; git --version >/dev/null; node -e 0; echo seen >/dev/stderr; env | grep -v "^PWD=" | sort; echo /proc/self/fd/*',
    );
    expect(exit).toEqual({ exitCode: 0, cause: 'finished' });
    expect(output.split('\n')).toEqual([
      'seen',
      'HOME=/app/home',
      'LANG=C.UTF-8',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/codebay/bin',
      'TMPDIR=/tmp',
      expect.stringMatching(/^\/proc\/self\/fd\/0 \/proc\/self\/fd\/1 \/proc\/self\/fd\/2( \/proc\/self\/fd\/3)?$/),
      '',
    ]);
  });

  test('loses its daemons when it ends', async () => {
    const word = `${canary}-ends`;
    const { exit, output } = await worker.run(`${daemon(word)} sleep 0.2; exit 3`);
    expect(output).toContain('started');
    expect(exit).toEqual({ exitCode: 3, cause: 'finished' });
    expect(processesWith(word)).toEqual([]);
  });

  test('loses its daemons when its time is over', async () => {
    const word = `${canary}-late`;
    const { exit, output } = await worker.run(`${daemon(word)} sleep 60`, { timeoutMs: 500 });
    expect(output).toContain('started');
    expect(exit).toEqual({ exitCode: null, cause: 'timed_out' });
    expect(processesWith(word)).toEqual([]);
  });

  test('loses its daemons when it is aborted', async () => {
    const word = `${canary}-aborted`;
    const { exit } = await worker.run(`${daemon(word)} sleep 60`, { abortAfterOutput: true });
    expect(exit).toEqual({ exitCode: null, cause: 'aborted' });
    expect(processesWith(word)).toEqual([]);
  });

  test('runs out of memory alone where memory is bounded', async () => {
    const { exit } = await worker.run(`node -e 'const all=[];for(let i=0;i<40;i++)all.push(Buffer.alloc(1e7,1))'`);
    expect(exit).toEqual(worker.boundsMemory ? { exitCode: 137, cause: 'out_of_memory' } : { exitCode: 0, cause: 'finished' });
  });

  test('dies with the process that watches it', async () => {
    const word = `${canary}-orphan`;
    const doomed = await workerOf(mode, 'hostile-a2');
    try {
      doomed.send(`${daemon(word)} sleep 60`);
      while (processesWith(word).length === 0) await turn();
      await doomed.kill();
      await untilNone(word);
    } finally {
      await doomed.remove();
    }
    expect(processesWith(word)).toEqual([]);
    expect(readdirSync(join(base, mode === 'root' ? 'closed' : 'nobody', mode))).not.toContain('hostile-a2');
  });
});

describe('the same program without isolation', () => {
  let worker: Worker;

  beforeAll(async () => {
    worker = await workerOf('none');
  });
  afterAll(() => worker.end());

  test.each(PROBES.filter(({ control }) => control))('can $name', async ({ script }) => {
    const { output } = await worker.run(withNode(script()));
    expect(output).toContain(REACHED);
  });

  test('keeps its daemons until its run ends', async () => {
    const word = `${canary}-kept`;
    const other = await workerOf('none', 'hostile-a3');
    await other.run(`${daemon(word)} sleep 0.2`);
    const kept = processesWith(word);
    await other.end();
    expect(kept).not.toEqual([]);
    expect(processesWith(word)).toEqual([]);
  });
});
