import { createHash, randomBytes } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '../../sdk/index.ts';
import type { EventView } from '../../tasks/event-view.ts';
import { openTaskBench } from '../support/e2e-task.ts';
import { openHostTargets } from '../support/hostile-host.ts';
import { lastContent, type ModelScript } from '../support/scripted-model.ts';

const PROJECT = join(import.meta.dirname, '../support/hostile-setup');
/** Holds what URL-encoding and base64 change. */
const SECRET = `s/3+ cret=${randomBytes(16).toString('hex')}?`;
/** None of them is public, however it is written. */
const PRIVATE = [
  ...['127.0.0.1:80', '127.0.0.1:443', '127.1:80', '2130706433:80', '0x7f000001:80', '0.0.0.0:80', 'localhost:80', 'localhost.:443'],
  ...['[::1]:80', '[::]:80', '[::ffff:127.0.0.1]:80', '[::ffff:a9fe:a9fe]:80', '[fd00::1]:443', '[fe80::1]:80', '[64:ff9b::a9fe:a9fe]:80'],
  ...['169.254.169.254:80', '10.0.0.1:80', '172.16.0.1:443', '192.168.0.1:80', '100.64.0.1:80', `${hostname()}:80`],
];
const FORMS = [
  SECRET,
  Buffer.from(SECRET).toString('base64'),
  Buffer.from(SECRET).toString('base64url'),
  encodeURIComponent(SECRET),
  // Inside a longer text, where base64 shows it with another alignment.
  Buffer.from(`user:${SECRET}@registry`).toString('base64').slice(8, -16),
];

/** Asks the gateway as the run itself would; the status. */
const askGateway = (
  url: string,
  { body, ...options }: { method: string; path: string; headers: Record<string, string>; body?: string },
): Promise<number> =>
  new Promise((resolve, reject) => {
    const { hostname: host, port } = new URL(url);
    const asked = request({ host, port, agent: false, ...options });
    asked.on('response', (answer) => resolve(answer.resume().statusCode ?? 0));
    asked.on('connect', (answer, socket) => {
      socket.destroy();
      resolve(answer.statusCode ?? 0);
    });
    asked.on('error', reject).end(body);
  });

test('set-up has its secrets and a proxy to allowed hosts; afterwards nobody has either, and no log tells', async () => {
  await using stack = new AsyncDisposableStack();
  const { mirror } = await openHostTargets(stack);
  const files = await mkdtemp(join(tmpdir(), 'codebay-e2e-'));
  stack.defer(() => rm(files, { recursive: true, force: true }));
  const secretsFile = join(files, 'secrets.json');
  await writeFile(secretsFile, JSON.stringify({ SETUP_TOKEN: SECRET }), { mode: 0o600 });
  const allowed = `${mirror.host}:${mirror.port}`;
  const project = join(files, 'project');
  await cp(PROJECT, project, { recursive: true });
  await writeFile(join(project, 'targets.json'), JSON.stringify({ destinations: [allowed, ...PRIVATE], names: ['SETUP_TOKEN'] }));

  const seen = { agent: '', afterSetup: {} as Record<string, number> };
  const whatIdentityGets = async (): Promise<Record<string, number>> => {
    const runs = join(bench.dataDir, 'runs');
    const [run = ''] = await readdir(runs);
    const bearer = `Bearer ${await readFile(join(runs, run, 'identity'), 'utf8')}`;
    const ask = (method: string, path: string, header: string, body = '') =>
      askGateway(bench.station.gatewayUrl, { method, path, headers: { [header]: bearer }, body });
    const allowedScript = { path: 'setup.sh', sha256: 'a'.repeat(64) };
    return {
      itself: await ask('GET', '/run', 'authorization'),
      secrets: await ask('POST', '/run/setup', 'authorization', JSON.stringify({ script: allowedScript })),
      tunnel: await ask('CONNECT', allowed, 'proxy-authorization'),
      page: await ask('GET', `http://${allowed}/`, 'proxy-authorization'),
    };
  };
  const script: ModelScript = async (answered) => {
    if (answered.body.messages.every(({ role }) => role !== 'tool')) {
      seen.afterSetup = await whatIdentityGets();
      return { calls: [{ name: 'shell', arguments: { command: 'sh later.sh' } }] };
    }
    seen.agent = lastContent(answered);
    return { text: 'Looked.' };
  };
  // The verifying run's set-up is looked at as well.
  const env = { CODEBAY_SETUP_SECRETS_FILE: secretsFile, CODEBAY_EGRESS_PRIVATE_HOSTS: allowed, CODEBAY_SETUP_CACHE: 'off' };
  const bench = stack.use(await openTaskBench(script, { env, project }));
  const { id } = await bench.submit({ verify: { command: 'sh later.sh' } });
  const task = await bench.finished(id);
  expect(task).toMatchObject({ status: 'COMPLETED', verification: { status: 'passed' } });

  const read = async (path: string): Promise<string> =>
    (await fetch(`${bench.station.url}${path}`, { headers: { authorization: `Bearer ${bench.station.apiKey}` } })).text();
  const artifact = (name: string) => read(`/v1/tasks/${id}/artifacts/${name}?proxy=1`);
  const setupLog = await artifact('setup.log');
  const verifyLog = await artifact('verify.log');

  // Set-up had the secret and the proxy.
  expect(setupLog).toContain(`SETUP_TOKEN is ${createHash('sha256').update(SECRET).digest('hex')}`);
  expect(setupLog).toMatch(/named [1-9]\d* times\nproxy reached/);
  const answers = JSON.parse(/^ANSWERS (.*)$/m.exec(setupLog)?.[1] ?? '{}');
  expect(answers).toEqual({
    [allowed]: [mirror.says, mirror.says],
    ...Object.fromEntries(PRIVATE.map((destination) => [destination, [403, 403]])),
  });

  // Agent and verify have neither; the run's own identity gets nothing of it either.
  for (const log of [seen.agent, verifyLog]) expect(log).toMatch(/named 0 times\nproxy ECONNREFUSED/);
  expect(seen.afterSetup).toEqual({ itself: 200, secrets: 403, tunnel: 403, page: 403 });

  // The task shows every connection that was asked for.
  const shown = task.egress.map(({ host, port, decision, reason }) => ({ to: `${host}:${port}`, decision, reason }));
  const toMirror = shown.filter(({ to }) => to === allowed);
  expect(toMirror.filter(({ decision }) => decision === 'allowed')).toHaveLength(4);
  expect(toMirror.filter(({ decision }) => decision === 'refused').map(({ reason }) => reason)).toEqual(
    Array(2).fill('set-up is over or has not begun'),
  );
  expect(shown.filter(({ to }) => to !== allowed).every(({ decision }) => decision === 'refused')).toBe(true);
  for (const to of ['127.0.0.1:80', '169.254.169.254:80', '::1:80', 'localhost:80', '10.0.0.1:80']) {
    expect(shown).toContainEqual({ to, decision: 'refused', reason: 'the host has no public address' });
  }

  // No form of the secret anywhere that users read; its places are marked.
  const events: EventView[] = [];
  for await (const event of bench.client.events(id)) events.push(event);
  const told = events.flatMap((event) => (event.type === 'log' ? [event.data.text] : [])).join('');
  expect(told).toContain('SETUP_TOKEN is ');
  const texts = {
    setupLog,
    verifyLog,
    told,
    events: JSON.stringify(events),
    agentLog: await artifact('agent.log'),
    transcript: await artifact('transcript.jsonl'),
    task: JSON.stringify(task),
  };
  for (const [name, text] of Object.entries(texts)) {
    for (const form of FORMS) expect({ name, leaks: text.includes(form) }).toEqual({ name, leaks: false });
  }
  for (const text of [setupLog, told]) expect(text.match(/\[redacted\]/g)?.length).toBeGreaterThanOrEqual(FORMS.length + 1);
}, 120_000);

test('what one set-up made is there for the next run of the same owner, as set-up left it; a script that is not allowed never runs', async () => {
  await using stack = new AsyncDisposableStack();
  const project = await mkdtemp(join(tmpdir(), 'codebay-e2e-'));
  stack.defer(() => rm(project, { recursive: true, force: true }));
  const show = 'cat installed/id "$HOME/id"';
  const script = 'mkdir installed; tee installed/id "$HOME/id" < /proc/sys/kernel/random/uuid\n';
  await mkdir(join(project, 'tools'));
  for (const name of ['setup.sh', 'tools/setup.sh']) await writeFile(join(project, name), script);
  await writeFile(join(project, '.gitignore'), 'installed\n');

  const model: ModelScript = async ({ body }) => {
    if (body.messages.some(({ role }) => role === 'tool')) return { text: 'Looked.' };
    return { calls: [{ name: 'shell', arguments: { command: `${show}; echo poison | tee installed/id "$HOME/id"` } }] };
  };
  const bench = stack.use(await openTaskBench(model, { project }));
  const bobsKey = (await bench.station.cli('admin', 'keys', 'create', '--owner', 'bob')).stdout.trim();
  const ids = { first: '', again: '', ofBob: '' };
  const live = async (name: keyof typeof ids, client = bench.client) => {
    const task = { source: { type: 'git' as const, url: bench.repositoryUrl }, prompt: 'Look', verify: { command: show } };
    const { id } = await client.submit(task);
    const setups: string[] = [];
    for await (const event of client.events(id))
      if (event.type === 'setup') setups.push(`${event.data.run_id.slice(-2)} ${event.data.change}`);
    expect(await client.get(id)).toMatchObject({ status: 'COMPLETED', verification: { status: 'passed' } });
    const uuids = [await client.logs(id, { stream: 'agent' }), await client.logs(id, { stream: 'verify' })].map((log) =>
      log.match(/[0-9a-f-]{36}/g),
    );
    const [seen = ''] = uuids[0] ?? [];
    // Agent and verifying run saw the same, in both places.
    expect(uuids).toEqual([expect.arrayContaining([seen, seen]), [seen, seen]]);
    ids[name] = seen;
    return setups;
  };
  expect(await live('first')).toEqual(['a1 allowed', 'v1 restored']);
  expect(await live('again')).toEqual(['a1 restored', 'v1 restored']);
  expect(await live('ofBob', createClient({ ...bench.station, apiKey: bobsKey }))).toEqual(['a1 allowed', 'v1 restored']);
  expect(ids.again).toBe(ids.first);
  expect(ids.ofBob).not.toBe(ids.first);

  const { id } = await bench.submit({ setup: { script: 'tools/setup.sh' } });
  const refused = await bench.finished(id);
  expect(refused).toMatchObject({ status: 'FAILED', failure: { reason: 'SETUP_REFUSED' } });
  expect(refused.failure?.detail).toContain(createHash('sha256').update(script).digest('hex'));
  expect(bench.model.requests).toHaveLength(6);
}, 120_000);
