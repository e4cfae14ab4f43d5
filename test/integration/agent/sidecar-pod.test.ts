import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { POD_GID, POD_UIDS } from '../../../platform/pod/layout.ts';
import type { RunOrder } from '../../../tasks/run.ts';
import { describeRun, type FakeGateway, type FakeGatewayScript, sha256, startFakeGateway } from '../../support/fake-gateway.ts';
import { startPodContainers } from '../../support/pod-executors.ts';
import { makeInstallation, makeRepository, openTemporaryFolder, stage, writeTree } from '../../support/run-fixture.ts';
import { NODE, sandboxLimits } from '../../support/sandbox-run.ts';
import { until } from '../../support/until.ts';

const IDENTITY = 'cbr_canary-identity-of-a-pod';
const SECRET = 'canary-secret-of-set-up';
const isRoot = process.geteuid?.() === 0;

jest.setTimeout(120_000);

/** A stub agent that asks the model once, then runs `body`. */
const agent = (body: string): string => `
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
const task = JSON.parse(fs.readFileSync(process.argv[process.argv.indexOf('--task') + 1], 'utf8'));
const sh = (command) => execFileSync('sh', ['-c', command], { cwd: task.working_folder, encoding: 'utf8' });
await (await fetch(process.env.OPENAI_BASE_URL + '/chat/completions', { method: 'POST', body: '{}' })).text();
const write = (name, text) => fs.writeFileSync(task.output + '/' + name, text, { mode: 0o600 });
const done = () => write('result.json', JSON.stringify({ status: 'completed', reason: null, detail: 'said so', steps: 1 }));
${body}
`;

interface Pod {
  readonly gateway: FakeGateway;
  readonly containers: Awaited<ReturnType<typeof startPodContainers>>;
  readonly sidecar: ChildProcess;
  /** The exit code of the sidecar, and what it printed. */
  readonly end: Promise<{ readonly code: unknown; readonly printed: string }>;
  lastWords(): Promise<unknown>;
}

/** Lives one run as a pod would: the sidecar and the two executors under uids of their own, where the test is root. */
const live = async (
  one: {
    readonly main: string;
    readonly files?: Readonly<Record<string, string>>;
    readonly order?: (order: RunOrder) => unknown;
    readonly script?: Partial<FakeGatewayScript>;
  },
  check: (pod: Pod) => Promise<void>,
): Promise<void> => {
  await using stack = new AsyncDisposableStack();
  const folder = await openTemporaryFolder();
  stack.defer(folder.remove);
  await makeRepository(join(folder.path, 'repo'), one.files ?? { 'a.txt': 'a\n' });
  const description = describeRun();
  const gateway = await startFakeGateway({
    ...{ identity: IDENTITY, description, code: await stage(join(folder.path, 'repo')) },
    secrets: { SECRET },
    model: (_, response) => void response.end('answer'),
    ...one.script,
  });
  stack.defer(gateway.stop);
  const containers = await startPodContainers({ install: await makeInstallation(join(folder.path, 'install'), one.main) });
  stack.defer(containers.remove);
  const { root, paths, control, sockets, scratch } = containers;
  const order: RunOrder = { runId: description.run_id, gatewayUrl: gateway.url, identity: IDENTITY, limits: sandboxLimits() };
  const places = { order: join(root, 'order.json'), lastWords: join(root, 'last-words') };
  await writeFile(places.order, JSON.stringify(one.order?.(order) ?? order), { mode: 0o600 });
  await writeFile(places.lastWords, '');
  if (isRoot) for (const place of Object.values(places)) await chown(place, POD_UIDS.sidecar, POD_GID);
  const image = { image: 'acme/app:1', root: join(folder.path, 'image') };
  await writeTree(image.root, { 'etc/os-release': 'trixie' });
  const folders = { code: paths.code, output: paths.output, task: paths.task, sockets, scratch };
  const argv = [NODE, '--disable-warning=ExperimentalWarning', join(import.meta.dirname, '../../support/pod-sidecar.ts')];
  const own = ['setpriv', '--reuid', String(POD_UIDS.sidecar), '--regid', String(POD_GID), '--clear-groups', '--'];
  const [program = '', ...args] = [...(isRoot ? own : []), ...argv, JSON.stringify({ ...places, folders, paths, control, image })];
  const sidecar = spawn(program, args, { env: { PATH: process.env.PATH }, stdio: ['ignore', 'ignore', 'pipe'] });
  stack.defer(() => void sidecar.kill('SIGKILL'));
  let printed = '';
  sidecar.stderr?.on('data', (chunk) => {
    printed += chunk;
  });
  const end = once(sidecar, 'close').then(([code]) => ({ code, printed }));
  await check({ gateway, containers, sidecar, end, lastWords: async () => JSON.parse(await readFile(places.lastWords, 'utf8')) });
};

test('a run sets up, works and completes; its outputs are read whatever mode they have', async () => {
  const main = agent(`
    sh('git status --short && git add -A && git -c user.name=a -c user.email=a@a commit -qm work');
    fs.writeFileSync(task.code + '/new.txt', sh('cat made-by-setup; ls -a /proc | grep -c "^[0-9]"; id -u'));
    const all = sh('cat /proc/[0-9]*/environ');
    console.log('of all environments:', [...new Set(all.match(/EXECUTOR=|cbr_|canary-[a-z]*/g))].join());
    console.log(Object.keys(process.env).filter((name) => /KUBERNETES|SECRET|EXECUTOR|proxy/i.test(name)).join() || 'clean');
    write('explanation.md', 'because');
    done();
  `);
  const files = { 'a.txt': 'a\n', 'setup.sh': 'echo "$SECRET" | wc -c >made-by-setup; setsid sleep 1000 & exit 0' };
  await live({ main, files }, async ({ gateway, end, containers, lastWords }) => {
    expect(await end).toEqual({ code: 0, printed: '' });
    expect(gateway.completions).toMatchObject([{ outcome: 'succeeded', reason: null, exit_code: 0 }]);
    expect(await lastWords()).toEqual({ exitCode: 0, cause: 'finished', detail: 'said so' });
    expect(gateway.artifact('explanation.md')).toBe('because');
    expect(gateway.artifact('agent.log')).toBe('of all environments: EXECUTOR=\nclean\n');
    const added = gateway.artifact('diff.patch')?.match(/^\+(?!\+).*$/gm) ?? [];
    expect(added).toContain(`+${SECRET.length + 1}`);
    if (isRoot) expect(added).toContain(`+${POD_UIDS.agent}`);
    expect(gateway.checkpoints).toHaveLength(1);
    expect(gateway.refusedIdentities).toEqual([]);
    expect([await containers.exit('agent'), await containers.exit('tools')]).toEqual([0, 0]);
    const found = execFileSync('sh', ['-c', `grep -rl ${IDENTITY} ${containers.root} || :`]).toString();
    expect(found).toBe(`${join(containers.root, 'order.json')}\n`);
  });
});

test('what set-up made in one pod is restored in another, by the image that both run', async () => {
  const ID = 'e'.repeat(64);
  const files = {
    'a.txt': 'a\n',
    '.gitignore': 'made\n',
    'setup.sh': 'mkdir made; head -c 9 /dev/urandom | od >made/x; ln -s x made/y; echo home >~/.tool; chmod +x made/x',
  };
  const main = agent(`console.log(sh('cat made/y ~/.tool; stat -c "%n %A %u" made made/x; echo more >>made/x; git status -s')); done();`);
  const shown: (string | undefined)[] = [];
  let made: Buffer = Buffer.alloc(0);
  const build = { use: 'build', id: ID, lease: 'token', max_bytes: 1024 * 1024 } as const;
  const decide: FakeGatewayScript['decide'] = () => ({ decision: 'allowed', detail: 'runs it', secrets: {}, cache: build });
  await live({ main, files, script: { decide } }, async ({ gateway, end }) => {
    expect(await end).toEqual({ code: 0, printed: '' });
    expect(gateway.setups[0]?.cache?.environment).toMatch(/^pod \w+ [0-9a-f]{64}$/);
    expect(gateway.artifact('setup.log')).toMatch(/kept for other runs: \d+ bytes/);
    shown.push(gateway.artifact('agent.log'));
    made = gateway.snapshots.get(ID) ?? made;
  });
  const restore = { use: 'restore', id: ID, sha256: sha256(made), size_bytes: made.length } as const;
  const again: FakeGatewayScript['decide'] = () => ({ decision: 'allowed', detail: 'restored it', secrets: {}, cache: restore });
  await live({ main, files, script: { decide: again, snapshots: { [ID]: made } } }, async ({ gateway, end }) => {
    expect(await end).toEqual({ code: 0, printed: '' });
    expect(gateway.artifact('setup.log')).toBe('* restored it\n');
    shown.push(gateway.artifact('agent.log'));
  });
  expect(shown[0]).toContain('home\nmade drwx');
  expect(shown[1]).toBe(shown[0]);
});

test('where something forbidden can be reached, the run says what, and nothing of the agent has started', async () => {
  const server = createServer((socket) => socket.destroy());
  await once(server.listen(0, '::1'), 'listening');
  const address = server.address();
  const open = `[::1]:${typeof address === 'object' ? address?.port : ''}`;
  await live({ main: agent('done();'), order: (order) => ({ ...order, forbidden: [open] }) }, async ({ gateway, end, lastWords }) => {
    expect((await end).code).toBe(0);
    server.close();
    expect(gateway.completions).toMatchObject([{ outcome: 'failed', reason: 'NETWORK_NOT_ISOLATED', artifacts: [] }]);
    expect(gateway.completions[0]?.detail).toContain(open);
    expect(await lastWords()).toMatchObject({ cause: 'isolation' });
    expect([gateway.phases, gateway.turns, gateway.log('agent')]).toEqual([[], [], '']);
  });
});

test('SIGTERM: a last checkpoint with what was done since the last turn, code 143, and executors that end by themselves', async () => {
  const main = agent(`fs.writeFileSync(task.code + '/late.txt', 'late'); console.log('wrote'); setInterval(() => {}, 1000);`);
  await live({ main }, async ({ gateway, sidecar, end, containers, lastWords }) => {
    await until('the agent writes', () => gateway.log('agent').includes('wrote'));
    sidecar.kill('SIGTERM');
    expect((await end).code).toBe(143);
    expect(await lastWords()).toMatchObject({ cause: 'stopped' });
    expect(gateway.completions).toMatchObject([{ outcome: 'interrupted' }]);
    expect(gateway.blobs.get(gateway.checkpoints.at(-1)?.delta?.sha256 ?? '')?.toString()).toContain('+late');
    expect([await containers.exit('agent'), await containers.exit('tools')]).toEqual([0, 0]);
  });
});

test("an agent's container that ends under it leaves no completion, but a checkpoint and the agent's log", async () => {
  const main = agent(`fs.writeFileSync(task.code + '/late.txt', 'late'); console.log('wrote'); setInterval(() => {}, 1000);`);
  await live({ main }, async ({ gateway, end, containers, lastWords }) => {
    await until('the agent writes', () => gateway.log('agent').includes('wrote'));
    containers.kill('agent');
    expect((await end).code).toBe(1);
    expect(await lastWords()).toMatchObject({ cause: 'lost' });
    expect(gateway.completions).toEqual([]);
    expect(gateway.blobs.get(gateway.checkpoints.at(-1)?.delta?.sha256 ?? '')?.toString()).toContain('+late');
    expect(await containers.exit('tools')).toBe(0);
  });
});

test('a run that the gateway takes nothing from any more ends with a code of its own', async () => {
  await live({ main: agent(`setInterval(() => console.log('up'), 100);`) }, async ({ gateway, end }) => {
    await until('the agent is up', () => gateway.log('agent').includes('up'));
    gateway.closeRun();
    expect((await end).code).toBe(1);
    expect(gateway.completions).toEqual([]);
  });
});

test.each([
  ['a field is missing', ({ limits: _, ...order }: RunOrder) => order, 'limits'],
  ['an address is none', (order: RunOrder) => ({ ...order, forbidden: ['::1'] }), 'forbidden.0: is not host:port'],
  ['it is no object', () => IDENTITY, 'expected object'],
])('an order is refused where %s, without a word of the identity', async (_, order, told) => {
  await live({ main: agent('done();'), order }, async ({ end }) => {
    const { code, printed } = await end;
    expect(code).toBe(64);
    expect(printed).toContain(told);
    expect(printed).not.toContain(IDENTITY);
  });
});
