import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { createSupervisor } from '../../../agent/sidecar/run.ts';
import { type Compartment, CompartmentUnavailableError } from '../../../tasks/ports/compartment.ts';
import type { RunDescription } from '../../../tasks/run-protocol.ts';
import { createBareCompartment } from '../../support/bare-compartment.ts';
import { describeRun, type FakeGatewayScript, sha256, startFakeGateway } from '../../support/fake-gateway.ts';
import { makeInstallation, makeRepository, openTemporaryFolder, stage, startRun } from '../../support/run-fixture.ts';
import { sandboxOrder } from '../../support/sandbox-run.ts';

const MiB = 1024 * 1024;
const IDENTITY = 'cbr_canary-identity-0123456789';
const SECRET = 'canary-setup-secret-value';

/** A stub agent: `body` sees `task`, `ask(text)` (one model turn, asked again while its stream breaks), `sh(command)` and `write(name, text)`. */
const agent = (body: string): string => `
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
const task = JSON.parse(fs.readFileSync(process.argv[process.argv.indexOf('--task') + 1], 'utf8'));
const base = process.env.OPENAI_BASE_URL;
const sh = (command) => execFileSync('sh', ['-c', command], { cwd: task.working_folder, encoding: 'utf8' });
const write = (name, text) => fs.writeFileSync(task.output + '/' + name, text);
const ask = async (text) => {
  for (let left = 50; ; left -= 1) {
    try {
      const answer = await fetch(base + '/chat/completions', { method: 'POST', body: JSON.stringify({ text }) });
      return { status: answer.status, text: await answer.text() };
    } catch (error) {
      if (left === 0) throw error;
    }
  }
};
const done = (status, reason = null) => write('result.json', JSON.stringify({ status, reason, detail: 'said so', steps: 1 }));
${body}
`;

type Check = (
  run: Awaited<ReturnType<typeof startRun>>,
  gateway: Awaited<ReturnType<typeof startFakeGateway>>,
  folder: string,
) => Promise<void>;

interface Case {
  readonly main: string;
  readonly files?: Readonly<Record<string, string | Buffer>>;
  readonly description?: Partial<RunDescription>;
  readonly script?: Partial<FakeGatewayScript>;
  readonly timeMs?: number;
  readonly isolation?: 'bubblewrap' | 'none';
}

const live = async (one: Case, check: Check): Promise<void> => {
  const folder = await openTemporaryFolder();
  try {
    const repository = join(folder.path, 'repo');
    await makeRepository(repository, one.files ?? { 'a.txt': 'a\n' });
    const description = describeRun(one.description);
    const code = await stage(repository);
    const model: FakeGatewayScript['model'] = (_, response) => {
      response.end('answer');
    };
    const gateway = await startFakeGateway({ identity: IDENTITY, description, code, model, ...one.script });
    const installation = await makeInstallation(join(folder.path, 'install'), one.main);
    const limits = {
      timeMs: one.timeMs ?? 60_000,
      setupTimeMs: 20_000,
      memoryBytes: 1024 * MiB,
      processes: 100,
      diskBytes: 512 * MiB,
      logBytes: MiB,
    };
    const order = { runId: description.run_id, gatewayUrl: gateway.url, identity: IDENTITY, limits };
    const run = await startRun(join(folder.path, 'runs'), installation, order, one.isolation);
    try {
      await check(run, gateway, folder.path);
    } finally {
      await run.remove();
      await gateway.stop();
    }
  } finally {
    await folder.remove();
  }
};

/** Every file below a folder whose bytes hold a text. */
const filesWith = async (root: string, text: string): Promise<string[]> => {
  const found: string[] = [];
  for (const name of await readdir(root, { recursive: true })) {
    const path = join(root, name);
    if ((await stat(path).catch(() => null))?.isFile() && (await readFile(path)).includes(text)) found.push(name);
  }
  return found;
};

const until = async (condition: () => boolean): Promise<void> => {
  for (const deadline = Date.now() + 20_000; !condition(); await new Promise((resolve) => setTimeout(resolve, 20))) {
    if (Date.now() > deadline) throw new Error('it never came to that');
  }
};

jest.setTimeout(60_000);

test.each(['bubblewrap', 'none'] as const)(
  'a run fetches, sets up, works, checkpoints before each turn and completes (%s)',
  async (isolation) => {
    const main = agent(`
    const first = await ask('one');
    console.log('model said', first.text, 'and', (await (await fetch(base.replace('/v1', '/messages?after=3'))).json()).messages[0].text);
    fs.writeFileSync(task.code + '/new.txt', sh('cat made-by-setup a.txt'));
    await ask('two');
    console.log((await fetch(base + '/embeddings', { method: 'POST' })).status, Object.keys(process.env).filter((name) => /proxy|SECRET/i.test(name)).length);
    write('explanation.md', 'because');
    done('completed');
  `);
    const files = {
      'a.txt': 'a\n',
      'setup.sh': `echo "$SECRET"; printf "$SECRET" | base64; echo s > made-by-setup; curl -s http://registry.test/x`,
    };
    await live({ main, files, isolation, script: { secrets: { SECRET }, codeFaults: 1 } }, async (run, gateway) => {
      expect(await run.exit()).toEqual({ exitCode: 0, cause: 'finished', detail: 'said so' });
      expect(gateway.phases).toEqual(['setup', 'agent']);
      expect(gateway.turns.map(({ turn, body }) => [turn, body])).toEqual([
        [1, '{"text":"one"}'],
        [2, '{"text":"two"}'],
      ]);
      expect(gateway.checkpoints.map(({ seq, turn, transcript }) => [seq, turn, transcript?.sha256])).toEqual([
        [1, 1, sha256('{"text":"one"}')],
        [2, 2, sha256('{"text":"two"}')],
      ]);
      const [completion] = gateway.completions;
      expect(gateway.completions).toHaveLength(1);
      expect(completion).toMatchObject({ outcome: 'succeeded', reason: null, exit_code: 0 });
      expect(completion?.artifacts.map(({ name }) => name).sort()).toEqual(['agent.log', 'diff.patch', 'explanation.md', 'setup.log']);
      expect(gateway.artifact('diff.patch')).toContain('+++ b/new.txt\n@@ -0,0 +1,2 @@\n+s\n+a\n');
      expect(gateway.artifact('agent.log')).toBe('model said answer and /run/messages?after=3\n404 0\n');
      expect(gateway.log('agent')).toBe(gateway.artifact('agent.log'));
      expect(gateway.artifact('setup.log')).toContain('through the proxy');
      expect(gateway.proxied.join()).toContain('http://registry.test/x');
      expect(gateway.artifact('setup.log')).toContain('[redacted]');
      expect(JSON.stringify(gateway.events) + gateway.artifact('setup.log')).not.toContain(SECRET);
      expect(gateway.events.map(({ source_seq }) => source_seq)).toEqual(gateway.events.map((_, at) => at + 1));
      expect(gateway.refusedIdentities).toEqual([]);
      expect(await filesWith(run.path, IDENTITY)).toEqual(['identity']);
      for (const blob of gateway.blobs.values()) expect(blob.includes(IDENTITY)).toBe(false);
    });
  },
);

test('a resumed run has its files back and asks the same turn under the same number', async () => {
  const delta = Buffer.from(
    'diff --git a/work.txt b/work.txt\nnew file mode 100644\n--- /dev/null\n+++ b/work.txt\n@@ -0,0 +1 @@\n+half\n',
  );
  const transcript = Buffer.from('{"text":"seven"}');
  const named = (blob: Buffer) => ({ sha256: sha256(blob), size_bytes: blob.length });
  const resume = { run_id: 'task-a1', seq: 9, turn: 7, delta: named(delta), transcript: named(transcript) };
  const main = agent(`
    console.log(sh('cat work.txt'));
    await ask(JSON.parse(fs.readFileSync(task.resume_from, 'utf8')).text);
    await ask('eight');
    done('completed');
  `);
  await live({ main, description: { run_id: 'task-a2', resume }, script: { blobs: [delta, transcript] } }, async (run, gateway) => {
    expect(await run.exit()).toMatchObject({ exitCode: 0, cause: 'finished' });
    expect(gateway.turns.map(({ turn }) => turn)).toEqual([7, 8]);
    expect(gateway.artifact('agent.log')).toBe('half\n\n');
    expect(gateway.artifact('diff.patch')).toContain('+half');
  });
});

test('a dropped answer and a gateway that restarts within a turn keep the turn; the next one counts on', async () => {
  let restart = async () => undefined as unknown;
  const main = agent(`
    console.log((await ask('one')).text, (await ask('two')).text, (await ask('two')).text);
    done('completed');
  `);
  const model: FakeGatewayScript['model'] = async (_, response, index) => {
    if (index === 0) response.write('half', () => response.destroy());
    else if (index === 2) await restart();
    else response.end(`answer ${index}`);
  };
  await live({ main, script: { model } }, async (run, gateway) => {
    restart = () => gateway.stop().then(gateway.start);
    expect(await run.exit()).toMatchObject({ cause: 'finished', exitCode: 0 });
    expect(gateway.turns.map(({ turn, body }) => `${turn} ${body}`)).toEqual([
      '1 {"text":"one"}',
      '1 {"text":"one"}',
      '2 {"text":"two"}',
      '2 {"text":"two"}',
      '3 {"text":"two"}',
    ]);
    expect(gateway.artifact('agent.log')).toBe('answer 1 answer 3 answer 4\n');
    expect(gateway.checkpoints.map(({ turn }) => turn)).toEqual([1, 2, 3]);
  });
});

test('a failing set-up is told with its exit code and its last lines, and the agent never starts', async () => {
  const files = { '.codebay/setup.sh': 'for n in $(seq 30); do echo line $n; done; sleep 1000 & exit 3' };
  await live({ main: agent('await ask(1)'), files }, async (run, gateway) => {
    expect((await run.exit()).cause).toBe('finished');
    const [completion] = gateway.completions;
    expect(completion).toMatchObject({ outcome: 'failed', reason: 'SETUP_FAILED', exit_code: 3 });
    expect(completion?.detail).toContain('exited with 3\nline 11\n');
    expect(completion?.detail).not.toContain('line 10\n');
    expect(gateway.turns).toEqual([]);
  });
});

test('a set-up script that the gateway refuses is named by path and content, and never runs', async () => {
  const script = 'echo ran > "$HOME/ran"';
  const decide = () => ({ decision: 'refused' as const, detail: 'not this one' });
  await live({ main: agent('await ask(1)'), files: { '.codebay/setup.sh': script }, script: { decide } }, async (run, gateway) => {
    expect((await run.exit()).cause).toBe('finished');
    expect(gateway.setups).toMatchObject([{ script: { path: '.codebay/setup.sh', sha256: sha256(script) } }]);
    expect(gateway.completions).toMatchObject([{ outcome: 'failed', reason: 'SETUP_REFUSED', detail: 'not this one' }]);
    expect([gateway.phases, gateway.turns]).toEqual([[], []]);
    expect(await readdir(join(run.path, 'home'))).toEqual([]);
  });
});

test.each([
  ['its home', 'printf %s "$SECRET" > "$HOME/.npmrc"'],
  ['a file that git ignores', 'mkdir -p node_modules; printf "user:$SECRET@host" | base64 -w0 > node_modules/.cache'],
  ['a file of the repository', 'printf %s "$SECRET" > a.txt'],
  ["git's configuration", 'git config remote.x.url "https://x:$SECRET@host"'],
  ['the output', 'printf %s "$SECRET" > /app/output/x'],
  ['the temporary folder', 'printf %s "$SECRET" > "$TMPDIR/x"'],
])('set-up that leaves a secret in %s fails, and the agent never starts', async (_, command) => {
  const files = { 'a.txt': 'a\n', '.gitignore': 'node_modules\n', 'setup.sh': `${command}\n` };
  await live({ main: agent('await ask(1)'), files, script: { secrets: { SECRET, UNUSED: 'never-written' } } }, async (run, gateway) => {
    await run.exit();
    expect(gateway.completions).toMatchObject([{ outcome: 'failed', reason: 'SETUP_LEAKED_SECRET' }]);
    expect(gateway.completions[0]?.detail).toMatch(/ value of SECRET in /);
    expect([gateway.phases, gateway.turns]).toEqual([['setup'], []]);
  });
});

describe('a cached set-up', () => {
  const ID = 'e'.repeat(64);
  const files = {
    'a.txt': 'a\n',
    '.gitignore': 'node_modules\n',
    'setup.sh': 'mkdir node_modules; echo "made $SECRET" | md5sum > node_modules/x; echo home > "$HOME/.tool"; echo ran\n',
  };
  const looks = agent(`console.log(sh('cat node_modules/x "$HOME/.tool" a.txt')); await ask('one'); done('completed');`);
  const builds = (max_bytes: number) => () => {
    const cache = { use: 'build' as const, id: ID, lease: 'token', max_bytes };
    return { decision: 'allowed' as const, detail: 'runs it', secrets: { SECRET }, cache };
  };

  test('is kept by the run that builds it, before its agent, and restored by another over fresh code', async () => {
    let made: Buffer = Buffer.alloc(0);
    let seen = '';
    await live({ main: looks, files, script: { decide: builds(MiB) } }, async (run, gateway) => {
      expect(await run.exit()).toMatchObject({ cause: 'finished', exitCode: 0 });
      made = gateway.snapshots.get(ID) ?? made;
      seen = gateway.artifact('agent.log') ?? '';
      expect(seen).toMatch(/^[0-9a-f]{32} {2}-\nhome\na\n/);
      expect(gateway.setups[0]?.cache).toMatchObject({ environment: expect.stringContaining('sandbox linux'), may_wait: true });
      expect(gateway.leases.at(-1)).toEqual({ id: ID, lease: 'token', done: true });
      expect(gateway.artifact('setup.log')).toMatch(/^\* runs it\nran\n\* kept for other runs: \d+ bytes\n$/);
      expect(gateway.phases).toEqual(['setup', 'agent']);
    });
    const named = { sha256: sha256(made), size_bytes: made.length };
    const decide = () => {
      const cache = { use: 'restore' as const, id: ID, ...named };
      return { decision: 'allowed' as const, detail: 'set-up restored from cache', secrets: {}, cache };
    };
    await live({ main: looks, files, script: { decide, snapshots: { [ID]: made } } }, async (run, gateway) => {
      expect(await run.exit()).toMatchObject({ cause: 'finished', exitCode: 0 });
      expect(gateway.artifact('agent.log')).toBe(seen);
      expect(gateway.artifact('setup.log')).toBe('* set-up restored from cache\n');
      expect(gateway.artifact('diff.patch')).toBeUndefined();
    });
  });

  test('that is gone from the gateway is built by the run itself', async () => {
    let asked = 0;
    const decide: FakeGatewayScript['decide'] = ({ cache }) => {
      asked += 1;
      const restore = { use: 'restore' as const, id: ID, sha256: sha256('x'), size_bytes: 1 };
      return { decision: 'allowed', detail: 'as you like', secrets: { SECRET }, cache: cache === undefined ? { use: 'nothing' } : restore };
    };
    await live({ main: looks, files, script: { decide } }, async (run, gateway) => {
      expect(await run.exit()).toMatchObject({ cause: 'finished', exitCode: 0 });
      expect(asked).toBe(2);
      expect(gateway.artifact('agent.log')).toContain('home\na\n');
    });
  });

  test.each([
    ['too large', 10, {}, /not kept for other runs: is over 10 bytes/],
    ['not the whole of what set-up did', MiB, { 'setup.sh': 'echo changed > a.txt' }, /not kept for other runs: set-up changed files/],
  ])('is not kept where it is %s', async (_, maxBytes, other, told) => {
    const main = agent(`await ask('one'); done('completed');`);
    await live({ main, files: { ...files, ...other }, script: { decide: builds(maxBytes) } }, async (run, gateway) => {
      expect(await run.exit()).toMatchObject({ cause: 'finished', exitCode: 0 });
      expect(gateway.artifact('setup.log')).toMatch(told);
      expect([...gateway.snapshots]).toEqual([]);
      expect(gateway.leases.at(-1)).toMatchObject({ done: true });
    });
  });

  test('that another run builds is waited for, no longer than set-up may take', async () => {
    let asked = 0;
    const decide: FakeGatewayScript['decide'] = ({ cache }) => {
      asked += 1;
      if (cache?.may_wait && asked === 1) return { decision: 'wait', detail: 'another run is at it' };
      return { decision: 'allowed', detail: 'runs it', secrets: {}, cache: { use: 'nothing' } };
    };
    await live({ main: looks, files, script: { decide } }, async (run, gateway) => {
      expect(await run.exit()).toMatchObject({ cause: 'finished', exitCode: 0 });
      expect(asked).toBe(2);
      expect(gateway.log('system')).toContain('set-up waits: another run is at it');
    });
  });
});

test.each(['missing.sh', '.', '-c'])('a set-up script that is named and is no plain file (%s) fails set-up', async (setup_script) => {
  await live({ main: agent('await ask(1)'), description: { setup_script } }, async (run, gateway) => {
    await run.exit();
    expect(gateway.completions).toMatchObject([{ outcome: 'failed', reason: 'SETUP_FAILED' }]);
    expect(gateway.setups).toEqual([]);
  });
});

test('where the sandbox can not be made, the run says so, and nothing of it has run', async () => {
  await using stack = new AsyncDisposableStack();
  const folder = await openTemporaryFolder();
  stack.defer(folder.remove);
  const repository = join(folder.path, 'repo');
  await makeRepository(repository, { 'a.txt': 'a\n' });
  const description = describeRun();
  const gateway = await startFakeGateway({ identity: IDENTITY, description, code: await stage(repository) });
  stack.defer(gateway.stop);
  const compartment: Compartment = {
    ...(await createBareCompartment(folder.path)),
    run: () => Promise.reject(new CompartmentUnavailableError('no sandbox here')),
  };
  const place = (name: string) => join(folder.path, name);
  const supervisor = createSupervisor({
    order: { ...sandboxOrder(description.run_id), gatewayUrl: gateway.url, identity: IDENTITY },
    folders: { code: place('code'), output: place('output'), task: place('task'), sockets: place('sockets'), scratch: place('scratch') },
    compartment,
    environment: async () => null,
    warn: () => undefined,
  });
  expect(await supervisor.run()).toEqual({ exit: { exitCode: null, cause: 'isolation', detail: 'no sandbox here' }, recorded: true });
  expect(gateway.completions).toMatchObject([{ outcome: 'failed', reason: 'ISOLATION_UNAVAILABLE', artifacts: [] }]);
  expect(gateway.turns).toEqual([]);
});

test('SIGTERM: the work since the last turn is in a last checkpoint, the run ends as interrupted', async () => {
  const main = agent(
    `await ask('one'); fs.writeFileSync(task.code + '/late.txt', 'late'); console.log('wrote'); setInterval(() => {}, 1000);`,
  );
  await live({ main }, async (run, gateway) => {
    await until(() => gateway.log('agent').includes('wrote'));
    await run.stop();
    expect(await run.exit()).toMatchObject({ cause: 'stopped' });
    expect(gateway.completions.map(({ outcome, reason }) => [outcome, reason])).toEqual([['interrupted', null]]);
    const last = gateway.checkpoints.at(-1);
    expect(last).toMatchObject({ seq: 2, turn: 1, transcript: { sha256: sha256('{"text":"one"}') } });
    expect(gateway.blobs.get(last?.delta?.sha256 ?? '')?.toString()).toContain('+late');
  });
});

test('SIGTERM while the gateway is away ends within its time all the same', async () => {
  const main = agent(`console.log('up'); setInterval(() => {}, 1000);`);
  await live({ main }, async (run, gateway) => {
    await until(() => gateway.log('agent').includes('up'));
    await gateway.stop();
    const began = Date.now();
    await run.stop();
    expect(Date.now() - began).toBeLessThan(9_500);
    const exit = await run.exit();
    expect(exit.cause).toBe('stopped');
    expect(exit.detail).not.toBe('ended by force');
    await gateway.start();
  });
});

test('a run that the gateway calls over stops at once and uploads nothing', async () => {
  const main = agent(`await ask('one'); console.log('on'); await ask('two'); setInterval(() => {}, 1000);`);
  await live({ main }, async (run, gateway) => {
    await until(() => gateway.turns.length === 1);
    gateway.closeRun();
    expect(await run.exit()).toMatchObject({ cause: 'stopped' });
    expect(gateway.completions).toEqual([]);
  });
});

test('the time limit ends the run; what it did is salvaged', async () => {
  const main = agent(`fs.writeFileSync(task.code + '/b.txt', 'kept'); setInterval(() => {}, 1000);`);
  await live({ main, timeMs: 8_000 }, async (run, gateway) => {
    expect(await run.exit()).toMatchObject({ cause: 'timed_out' });
    expect(gateway.completions).toMatchObject([{ outcome: 'failed', reason: 'TIMED_OUT' }]);
    expect(gateway.artifact('diff.patch')).toContain('+kept');
  });
});

test('links among the outputs are not followed and spoil a success', async () => {
  const main = agent(`fs.symlinkSync('/etc/passwd', task.output + '/explanation.md'); done('completed');`);
  await live({ main }, async (run, gateway) => {
    await run.exit();
    expect(gateway.completions).toMatchObject([{ outcome: 'failed', reason: 'OUTPUT_INVALID' }]);
    expect(gateway.artifact('explanation.md')).toBeUndefined();
  });
});

test("the model's last refusal is the reason of an agent that gives up", async () => {
  const main = agent(`console.log((await ask('one')).status); process.exit(1);`);
  const model: FakeGatewayScript['model'] = (_, response) => {
    response.writeHead(401).end('{"error":{"message":"no","code":"MODEL_AUTH"}}');
  };
  await live({ main, script: { model } }, async (run, gateway) => {
    expect(await run.exit()).toMatchObject({ exitCode: 1, cause: 'finished' });
    expect(gateway.completions).toMatchObject([{ outcome: 'failed', reason: 'MODEL_AUTH', exit_code: 1 }]);
    expect(gateway.artifact('agent.log')).toBe('401\n');
  });
});

test('a verifying run checks base and patch, and its exit code is the evidence', async () => {
  const patch = Buffer.from('diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-a\n+b\n');
  const description = {
    ...{ run_id: 'task-v1', kind: 'verify' as const, verify_command: 'cat a.txt; ls /run/codebay; exit 5' },
    patch: { sha256: sha256(patch), size_bytes: patch.length },
  };
  await live({ main: agent(''), description, script: { blobs: [patch] } }, async (run, gateway) => {
    expect(await run.exit()).toMatchObject({ exitCode: 5, cause: 'finished' });
    expect(gateway.completions).toMatchObject([{ outcome: 'succeeded', exit_code: 5 }]);
    expect(gateway.artifact('verify.log')).toBe('b\n');
    expect(gateway.turns).toEqual([]);
  });
});
