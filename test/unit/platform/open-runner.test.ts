import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRunner } from '../../../platform/open-runner.ts';
import { loadSettings, SettingsError } from '../../../platform/settings.ts';

const IMAGES = { CODEBAY_SIDECAR_IMAGE: 'codebay:1', CODEBAY_AGENT_IMAGE: 'codex-agent:1' };
const log = { warn: () => undefined };

const openWith = async (env: Readonly<Record<string, string>>) => openRunner(loadSettings(env), log, '/nowhere');
const refusalOf = (env: Readonly<Record<string, string>>): Promise<unknown> => openWith(env).catch((error: unknown) => error);
const onCluster = (changes: Readonly<Record<string, string>>) => ({ CODEBAY_RUNNER: 'kubernetes', ...IMAGES, ...changes });

let folder: string;
const before = process.env.KUBECONFIG;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'codebay-kubeconfig-'));
});
afterAll(() => {
  if (before === undefined) delete process.env.KUBECONFIG;
  else process.env.KUBECONFIG = before;
  rmSync(folder, { recursive: true });
});

/** Null: there is none, though its name is known. */
const useKubeconfig = (text: string | null): void => {
  const file = join(folder, 'config');
  process.env.KUBECONFIG = file;
  if (text === null) rmSync(file, { force: true });
  else writeFileSync(file, text);
};

/** A cluster that doesn't answer. */
const useCluster = (server: string): void => {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server } }],
    users: [{ name: 'u', user: { token: 't' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  useKubeconfig(JSON.stringify(config));
};

test('without a word it is the sandbox, whose runs are of this machine', async () => {
  const { local, close } = await openWith({});
  expect(local).toBe(true);
  close();
});

test("on a cluster runs are nobody's machine, and opening needs no answer from it", async () => {
  useCluster('https://127.0.0.1:1');
  const { local, close } = await openWith(onCluster({}));
  expect(local).toBe(false);
  close();
});

test.each([
  ['CODEBAY_SIDECAR_IMAGE', onCluster({ CODEBAY_SIDECAR_IMAGE: '' })],
  ['CODEBAY_AGENT_IMAGE', onCluster({ CODEBAY_AGENT_IMAGE: '' })],
  ['CODEBAY_RUNNER', onCluster({ CODEBAY_RUNNER: 'nomad' })],
  ['CODEBAY_INSTALLATION', onCluster({ CODEBAY_INSTALLATION: 'Not a label' })],
  ['CODEBAY_KUBERNETES_POD', onCluster({ CODEBAY_KUBERNETES_POD: '{"node_selectors": {}}' })],
  ['CODEBAY_KUBERNETES_POD', onCluster({ CODEBAY_KUBERNETES_POD: '{"tolerations": [{"effect": "Never"}]}' })],
  ['CODEBAY_RUN_CPU', onCluster({ CODEBAY_RUN_CPU: '0' })],
  ['CODEBAY_RUN_PENDING_SECONDS', onCluster({ CODEBAY_RUN_PENDING_SECONDS: '-1' })],
])('%s is refused by its name', async (name, env) => {
  useCluster('https://127.0.0.1:1');
  const refusal = await refusalOf(env);
  expect(refusal).toBeInstanceOf(SettingsError);
  expect(refusal).toMatchObject({ message: expect.stringContaining(name) });
});

test.each([
  ['is missing', null],
  ['is empty', ''],
  ['is no YAML', 'a: ['],
  ['names no cluster', 'apiVersion: v1\nkind: Config\n'],
])('a kubeconfig that %s is refused as KUBECONFIG', async (_, text) => {
  useKubeconfig(text);
  const refusal = await refusalOf(onCluster({}));
  expect(refusal).toBeInstanceOf(SettingsError);
  expect(refusal).toMatchObject({ message: expect.stringMatching(/^KUBECONFIG: the kubeconfig /) });
});
