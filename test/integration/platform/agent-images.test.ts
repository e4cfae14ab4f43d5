import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createStartRun } from '../../../activities/start-run.ts';
import { openRunner } from '../../../platform/open-runner.ts';
import { loadSettings, runLimitsOf } from '../../../platform/settings.ts';
import { type ApiScript, answer, startScriptedApiServer } from '../../support/scripted-api-server.ts';
import { openStationData } from '../../support/station-data.ts';

const ACME = 'registry.test:5000/acme/app:3';
const settings = loadSettings({
  ...{ CODEBAY_RUNNER: 'kubernetes', CODEBAY_RUN_FORBIDDEN: 'none' },
  ...{ CODEBAY_SIDECAR_IMAGE: 'codebay:1', CODEBAY_AGENT_IMAGE: 'codex-agent:1' },
  CODEBAY_AGENT_IMAGES: JSON.stringify({ 'git.test/acme/app': ACME }),
});

interface MadeJob {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { name: string; image: string; command: string[] }[] } };
  };
}

/** Starts a run as a worker with these settings does, against an API server that does as `onJob` says; answers with the Job it was asked for. */
const startRunOf = async (url: string | null, onJob: (...given: Parameters<ApiScript>) => void): Promise<MadeJob> => {
  await using data = await openStationData();
  await using server = await startScriptedApiServer((request, response, nth) => {
    if (request.query.watch === 'true') return;
    if (request.method === 'POST' && request.path.endsWith('/jobs')) onJob(request, response, nth);
    else if (request.method === 'POST') answer(response, request.body as object, 201);
    else answer(response, { metadata: { resourceVersion: '1' }, items: [] });
  });
  const kubeconfig = join(data.folder, 'kubeconfig');
  await writeFile(kubeconfig, server.config.exportConfig());
  const before = process.env.KUBECONFIG;
  process.env.KUBECONFIG = kubeconfig;
  const opened = await openRunner(settings, { warn: () => undefined }, data.folder);
  try {
    const { taskId, runId } = await data.taskWithRun({ source: url === null ? { type: 'zip' } : { type: 'git', url } });
    const startRun = createStartRun({
      ...{ runner: opened.runner, runs: data.stores.runs, tasks: data.stores.tasks, images: settings.CODEBAY_AGENT_IMAGES },
      ...{ gatewayUrl: 'http://127.0.0.1:8421', secret: 'x'.repeat(64), runLimits: runLimitsOf(settings) },
    });
    await startRun({ task_id: taskId, run_id: runId, time_ms: 60_000, setup_ms: 0 });
    const asked = server.requests.find(({ method, path }) => method === 'POST' && path.endsWith('/jobs'));
    return asked?.body as MadeJob;
  } finally {
    opened.close();
    if (before === undefined) delete process.env.KUBECONFIG;
    else process.env.KUBECONFIG = before;
  }
};

const accept: ApiScript = ({ body }, response) =>
  answer(
    response,
    {
      ...(body as object),
      metadata: { ...(body as MadeJob).metadata, uid: 'u1', resourceVersion: '2', creationTimestamp: '2026-01-01T00:00:00Z' },
    },
    201,
  );

const imagesOf = ({ spec }: MadeJob) => {
  const { containers } = spec.template.spec;
  expect(containers.map(({ name }) => name)).toEqual(['sidecar', 'agent', 'tools']);
  const [sidecar, agent, tools] = containers;
  expect([sidecar?.image, tools?.image, sidecar?.command.at(-1)]).toEqual(['codebay:1', agent?.image, agent?.image]);
  return agent?.image;
};

test.each([
  ['https://git.test/acme/app', ACME],
  ['https://git.test/acme/app.git', ACME],
  ['https://someone@GIT.test/acme/app/', ACME],
  ['https://git.test/acme/app2', 'codex-agent:1'],
  ['https://git.test/acme', 'codex-agent:1'],
  ['https://other.test/git.test/acme/app', 'codex-agent:1'],
  ['https://other.test\\@git.test/acme/app', 'codex-agent:1'],
  ['https://git.test/acme/%61pp', 'codex-agent:1'],
  [null, 'codex-agent:1'],
])('a run of %s works in the image %s', async (url, image) => {
  expect(imagesOf(await startRunOf(url, accept))).toBe(image);
});

test('an image that the cluster refuses ends the run with that reason, in the words of the cluster', async () => {
  const message = "jobs.batch is forbidden: ValidatingAdmissionPolicy 'codebay-runs': the agent's image is not allowed";
  const refuse: ApiScript = (_, response) => answer(response, { kind: 'Status', reason: 'Invalid', message }, 422);
  await expect(startRunOf('https://git.test/acme/app', refuse)).rejects.toMatchObject({ reason: 'RUN_REFUSED', message });
});

test.each([
  ['a URL for a repository', { 'https://git.test/acme/app': 'app:1' }, 'is no repository as host/path'],
  ['a repository with .git', { 'git.test/acme/app.git': 'app:1' }, 'is no repository as host/path'],
  ['an image without a tag', { 'git.test/acme/app': 'registry.test:5000/app' }, 'is no image with a tag or a digest'],
])('settings with %s are refused', (_, images, told) => {
  expect(() => loadSettings({ CODEBAY_AGENT_IMAGES: JSON.stringify(images) })).toThrow(told);
});
