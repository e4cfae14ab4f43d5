import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type HeldEngine, holdEngine } from '../support/held-engine.ts';
import { until } from '../support/until.ts';

/** As a pod of the `restricted` kind runs it. */
const LOCKED = ['--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges', '--network=none', '--pids-limit=512'];
const owned = (path: string, uid: number): string[] => ['--tmpfs', `${path}:exec,mode=0770,uid=${uid},gid=10000`];
const AGENT_FOLDERS = ['/app/code', '/app/home', '/app/output', '/tmp'].flatMap((path) => owned(path, 10_002));
const SERVICE_FOLDERS = ['/var/lib/codebay', '/tmp'].flatMap((path) => owned(path, 10_001));
/** All that a run's program is sure to have of its container's environment. */
const CLEAN = 'exec env -i PATH="$PATH" HOME=/app/home TMPDIR=/tmp LANG=C.UTF-8 sh -e -c "$1"';

const { devDependencies } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
  devDependencies: { node: string };
};

let engine: HeldEngine;
beforeAll(async () => {
  engine = await holdEngine();
}, 1_800_000);
afterAll(() => engine?.release());

const inAgent = (script: string): Promise<string> =>
  engine.docker(['run', '--rm', ...LOCKED, ...AGENT_FOLDERS, engine.images.agent.reference, 'sh', '-c', CLEAN, 'sh', script]);
const service = (...args: string[]): Promise<string> =>
  engine.docker(['run', '--rm', ...LOCKED, ...SERVICE_FOLDERS, engine.images.codebay.reference, ...args]);
const inService = (script: string): Promise<string> =>
  engine.docker(['run', '--rm', ...LOCKED, ...SERVICE_FOLDERS, '--entrypoint', 'sh', engine.images.codebay.reference, '-e', '-c', script]);

const WHO = 'id -u; id -g; grep -E "^(CapEff|CapBnd|NoNewPrivs)" /proc/self/status | tr -d "\\t"';
const NOBODY = ['10000', 'CapEff:0000000000000000', 'CapBnd:0000000000000000', 'NoNewPrivs:1'];
/** One line for each place where something could be written. */
const WRITABLE =
  'for d in / /etc /usr /usr/local/bin /opt/codebay /opt/codebay/node_modules /var/lib /root; do touch $d/new && echo $d; done 2>/dev/null; touch';

describe('the agent image', () => {
  test('runs as its own user, who may write only to its folders', async () => {
    expect((await inAgent(`${WHO}; ${WRITABLE} /app/code/new && echo code`)).split('\n')).toEqual(['10002', ...NOBODY, 'code']);
  });

  test.each([
    ['node', 'node -e "console.log(process.version, process.execPath)"', `v${devDependencies.node} /usr/local/bin/node`],
    [
      'npm, a dependency of the project',
      'mkdir dep; (cd dep; npm init -y >/dev/null); npm init -y >/dev/null; npm install --install-links ./dep >/dev/null; ls node_modules; npm config get cache',
      'dep\n/app/home/.npm',
    ],
    [
      'npm, a global command',
      `mkdir tool; cd tool; printf '#!/usr/bin/env node\\nconsole.log("from", __dirname)\\n' >tool.js
       echo '{"name":"tool","version":"1.0.0","bin":{"tool":"tool.js"}}' >package.json; npm install --global --install-links . >/dev/null; tool`,
      'from /app/home/.local/lib/node_modules/tool',
    ],
    [
      'git',
      'git init -q .; git config user.email a@b.c; git config user.name a; touch f; git add f; git commit -qm one; git log --format=%s; git status --short',
      'one',
    ],
    [
      'pip, for the user and in a venv',
      `python3 -c "
import zipfile
with zipfile.ZipFile('demo-1.0-py3-none-any.whl', 'w') as wheel:
    wheel.writestr('demo.py', 'print(__file__)')
    wheel.writestr('demo-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: demo\\nVersion: 1.0\\n')
    wheel.writestr('demo-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr('demo-1.0.dist-info/RECORD', '')
"
       pip install --quiet ./demo-1.0-py3-none-any.whl; cd /tmp; python -c 'import demo' | sed 's/python3[.0-9]*/python3/'
       python3 -m venv env; env/bin/pip install --quiet /app/code/demo-1.0-py3-none-any.whl; env/bin/python -c 'import demo' | sed 's/python3[.0-9]*/python3/'`,
      '/app/home/.local/lib/python3/site-packages/demo.py\n/tmp/env/lib/python3/site-packages/demo.py',
    ],
    [
      'go build',
      `go mod init demo 2>/dev/null; printf 'package main\\nimport "fmt"\\nfunc main() { fmt.Println("built") }\\n' >main.go; go build -o demo .; ./demo
       go env GOCACHE GOMODCACHE GOTOOLCHAIN GOFLAGS`,
      'built\n/app/home/.cache/go-build\n/app/home/go/pkg/mod\nauto\n-modcacherw',
    ],
    [
      'make and the compilers',
      `printf 'int main(void) { return 7; }\\n' >a.c; printf '#include <string>\\nint main() { return std::string("four").size(); }\\n' >b.cc
       printf 'all: a b\\n' >Makefile; make -s; ./a || echo $?; ./b || echo $?; python3-config --includes | grep -c Python.h || ls /usr/include/python3*/Python.h | wc -l`,
      '7\n4\n0\n1',
    ],
    ['ripgrep, jq, unzip', 'echo \'{"a":"needle"}\' >f; rg --count needle; jq -r .a f; unzip -v | head -c 5', 'f:1\nneedle\nUnZip'],
  ])(
    'has %s, with its caches in the home folder',
    async (_name, script, said) => {
      expect((await inAgent(`cd /app/code; ${script}`)).trimEnd()).toBe(said);
    },
    180_000,
  );

  test('starts the agent with what Node compiled when the image was built', async () => {
    const trace = await inAgent(
      'NODE_DEBUG_NATIVE=COMPILE_CACHE NODE_COMPILE_CACHE=/opt/codebay/node_modules/.cache/codebay/modules node /opt/codebay/agent/main.ts --help 2>&1',
    );
    expect(trace).toContain('Usage: main.ts --task FILE');
    expect(trace).toMatch(/reading cache from \S+ for ESM \S+\/agent\/loop\.ts\.{3}.*success/);
  });

  test('holds the agent and no more of Codebay', async () => {
    expect(
      (
        await inAgent(
          'cd /opt/codebay; ls; ls node_modules; ls agent | grep -c sidecar || true; find . ! -user root; find . -perm /022 ! -type l',
        )
      ).split('\n'),
    ).toEqual(['LICENSE', 'agent', 'node_modules', 'package.json', 'tasks', 'openai', 'zod', '0']);
  });
});

describe('the image of the services', () => {
  test('runs as its own user, who may write only to its folders', async () => {
    expect((await inService(`${WHO}; ${WRITABLE} /var/lib/codebay/new && echo data`)).split('\n')).toEqual(['10001', ...NOBODY, 'data']);
  });

  test('runs the API, which answers and ends in order', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'codebay-secret-'));
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, 'secret'), randomBytes(32).toString('hex'), { mode: 0o444 });
    const settings = ['--env', 'CODEBAY_SECRET_FILE=/run/codebay/secret', '--volume', `${folder}:/run/codebay:ro`];
    const id = await engine.docker(['run', '--detach', ...LOCKED, ...SERVICE_FOLDERS, ...settings, engine.images.codebay.reference, 'api']);
    try {
      await until('the API is ready', async () => {
        const log = await engine.docker(['logs', id]);
        if ((await engine.docker(['inspect', '--format', '{{.State.Running}}', id])) !== 'true') throw new Error(`the API ended: ${log}`);
        return log.includes('"ready":true');
      });
      const ask = (path: string) =>
        `fetch('http://127.0.0.1:8420${path}').then(async (r) => console.log(r.status, (await r.text()).length > 0))`;
      const answers = await engine.docker(['exec', id, 'node', '--eval', `${ask('/livez')}.then(() => ${ask('/openapi.json')})`]);
      expect(answers.split('\n')).toEqual(['200 true', '200 true']);
      await engine.docker(['stop', '--time', '30', id]);
      expect(await engine.docker(['inspect', '--format', '{{.State.ExitCode}} {{.State.OOMKilled}}', id])).toBe('0 false');
    } finally {
      await engine.docker(['rm', '--force', '--volumes', id]);
      rmSync(folder, { recursive: true });
    }
  });

  test('holds the bundle of its workflows, so that a worker need not make it', async () => {
    const bundle = await inService(
      `cd /opt/codebay; node --input-type=module --eval "import { workflowBundle } from './temporal/workflow-bundle.ts';
       console.log(await workflowBundle({ root: '/opt/codebay', cacheDir: '/opt/codebay/node_modules/.cache/codebay' }))"`,
    );
    expect(bundle).toMatch(/^\/opt\/codebay\/node_modules\/\.cache\/codebay\/workflows-[0-9a-f]{16}\.js$/);
  });

  test('starts with what Node compiled when the image was built', async () => {
    const trace = await inService('NODE_DEBUG_NATIVE=COMPILE_CACHE codebay --version 2>&1');
    expect(trace).toMatch(/reading cache from \S+ for ESM \S+\/cli\/main\.ts\.{3}.*success/);
  });

  test('is the command line too', async () => {
    expect(await service('admin', 'migrate')).toMatch(/schema/);
  });

  test.each(['worker', 'ingest', 'api', 'gateway'])('has the %s, which says what its settings lack', async (name) => {
    const run = engine.docker([
      'run',
      '--rm',
      ...LOCKED,
      ...SERVICE_FOLDERS,
      '--env',
      'CODEBAY_PORT=none',
      engine.images.codebay.reference,
      name,
    ]);
    await expect(run).rejects.toThrow(/SettingsError: CODEBAY_PORT/);
  });
});

describe.each([
  ['codebay', 'codebay', 500],
  ['codex-agent', 'agent', 1200],
] as const)('the image %s', (name, which, limitMb) => {
  const inspect = async (format: string): Promise<unknown> =>
    JSON.parse(await engine.docker(['image', 'inspect', '--format', `{{json ${format}}}`, engine.images[which].reference]));

  test(`is no larger than ${limitMb} MB`, () => {
    expect(engine.images[which].sizeBytes).toBeGreaterThan(50e6);
    expect(engine.images[which].sizeBytes / 1e6).toBeLessThan(limitMb);
  });

  test('says what it is', async () => {
    expect(await inspect('.Config')).toMatchObject({
      User: expect.stringMatching(/^1000[12]:10000$/),
      Labels: {
        'org.opencontainers.image.title': name,
        'org.opencontainers.image.version': expect.stringMatching(/^\d+\.\d+\.\d+$/),
        'org.opencontainers.image.licenses': 'Apache-2.0',
      },
    });
  });

  test('holds nothing of the repository that no container needs, and no certificate of the machine that built it', async () => {
    const script =
      'find / -xdev \\( -name .git -o -name .codebay -o -name .ci -o -path "*/codebay/test" -o -name .npmrc -o -path /run/secrets/ca \\) -print; ls /opt/codebay/package.json';
    const found = await engine.docker([
      'run',
      '--rm',
      '--user=0',
      '--network=none',
      '--entrypoint',
      'sh',
      engine.images[which].reference,
      '-c',
      script,
    ]);
    expect(found).toBe('/opt/codebay/package.json');
    const history = await engine.docker(['history', '--no-trunc', '--format', '{{.CreatedBy}}', engine.images[which].reference]);
    expect(history).toContain('COPY');
    expect(`${history}${JSON.stringify(await inspect('.Config.Env'))}`).not.toMatch(/BEGIN |_ca=|SECRET|PASSWORD|TOKEN|API_KEY/i);
  });
});
