import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { createResolveSource } from '../../../activities/resolve-source.ts';
import { createStageCode } from '../../../activities/stage-code.ts';
import { type GitServer, startGitServer } from '../../../demo/git-server.ts';
import { createFilesystemStore } from '../../../platform/filesystem.ts';
import { createCodeSource } from '../../../platform/git/code-source.ts';
import { DEFAULT_STATION_LIMITS } from '../../../tasks/limits.ts';
import { codeKey, uploadKey } from '../../../tasks/object-keys.ts';
import type { TaskRecord } from '../../../tasks/task.ts';
import { processesOf } from '../../support/footprint.ts';
import { commitFiles, createBareRepository } from '../../support/git-repos.ts';
import { scratchFolder } from '../../support/staged-code.ts';
import { until } from '../../support/until.ts';
import { craftZip } from '../../support/zips.ts';

const RECORD: TaskRecord = {
  id: '',
  owner: 'default',
  spec: { source: { type: 'zip' }, prompt: 'Explain.', mode: 'explain' },
  status: 'PROCESSING',
  phase: 'DOWNLOADING_CODE',
  waiting_for: null,
  failure: null,
  commit: null,
  branch: null,
  verification: null,
  artifacts: [],
  revision: 2,
  cancel_requested: false,
  start_acknowledged: true,
  timings: {},
  created_at: 1,
  started_at: 1,
  finished_at: null,
  updated_at: 1,
};

const scratch = scratchFolder();
const tmpDir = join(scratch.path, 'tmp');
const objects = createFilesystemStore({ root: join(scratch.path, 'objects'), publicUrl: 'http://127.0.0.1:1', secret: 'ab'.repeat(32) });
const codeSource = createCodeSource({ limits: DEFAULT_STATION_LIMITS, allowedHosts: ['127.0.0.1'], tmpDir });
const resolveSource = createResolveSource({ codeSource, objects });
/** The tasks that have ended; every other one is at work. */
const ended = new Set<string>();
const tasks = {
  get: async (id: string) => ({ ...RECORD, id, status: ended.has(id) ? ('CANCELLED' as const) : ('PROCESSING' as const) }),
};
const stageCode = createStageCode({ tasks, codeSource, objects });
let server: GitServer;
let commit: string;

beforeAll(async () => {
  const root = join(scratch.path, 'served');
  commit = commitFiles(createBareRepository(root, 'app.git'), 'main', [{ path: 'a', content: 'a' }]);
  server = await startGitServer({ root });
});

afterAll(async () => {
  await server.close();
  scratch.remove();
});

const inActivity = () => new MockActivityEnvironment(undefined, { logger: new DefaultLogger('ERROR') });

const specOf = (url: string | null) => ({
  source: url === null ? { type: 'zip' as const } : { type: 'git' as const, url },
  prompt: 'Explain.',
  mode: 'explain' as const,
});
const gitSpec = () => specOf(`${server.url}/app.git`);

describe('what they do', () => {
  test('code that arrives after its task has ended is not kept', async () => {
    ended.add('git-ended');
    await inActivity().run(stageCode, { task_id: 'git-ended', spec: gitSpec(), commit });
    expect(await objects.stat(codeKey('git-ended'))).toBeNull();
  });

  test('a git source is pinned, then staged; again it replaces the same object', async () => {
    const resolved = await inActivity().run(resolveSource, { task_id: 'git-1', spec: gitSpec() });
    expect(resolved).toEqual({ commit, branch: 'main' });
    for (const _ of ['first', 'again']) {
      const staged = await inActivity().run(stageCode, { task_id: 'git-1', spec: gitSpec(), commit });
      const stored = await objects.stat(codeKey('git-1'));
      expect(staged).toEqual({ size_bytes: stored?.sizeBytes, sha256: expect.stringMatching(/^[0-9a-f]{64}$/), files: 1 });
    }
  });

  test('a zip source is checked, then staged from its upload', async () => {
    await objects.put(uploadKey('zip-1'), Readable.from([craftZip([{ name: 'a', content: 'a' }])]));
    expect(await inActivity().run(resolveSource, { task_id: 'zip-1', spec: specOf(null) })).toEqual({ commit: null, branch: null });
    await inActivity().run(stageCode, { task_id: 'zip-1', spec: specOf(null), commit: null });
    expect(await objects.stat(codeKey('zip-1'))).not.toBeNull();
  });

  test('a zip that was never uploaded', async () => {
    const missing = { task_id: 'zip-2', spec: specOf(null) };
    await expect(inActivity().run(resolveSource, missing)).rejects.toMatchObject({ reason: 'SOURCE_NOT_FOUND' });
    await expect(inActivity().run(stageCode, { ...missing, commit: null })).rejects.toMatchObject({
      reason: 'SOURCE_NOT_FOUND',
    });
  });
});

describe('a host that takes the request and is silent', () => {
  test.each([
    [
      'resolveSource',
      (environment: MockActivityEnvironment, url: string) => environment.run(resolveSource, { task_id: 'quiet', spec: specOf(url) }),
    ],
    [
      'stageCode',
      (environment: MockActivityEnvironment, url: string) => environment.run(stageCode, { task_id: 'quiet', spec: specOf(url), commit }),
    ],
  ])('%s goes on heartbeating, and a cancel ends git with all its helpers', async (_name, start) => {
    const host = createServer(() => {});
    host.listen(0, '127.0.0.1');
    await once(host, 'listening');
    try {
      const environment = inActivity();
      let beats = 0;
      environment.on('heartbeat', () => {
        beats += 1;
      });
      const asked = once(host, 'request');
      const running = start(environment, `http://127.0.0.1:${(host.address() as AddressInfo).port}/app.git`);
      const ended = running.then(
        () => 'succeeded',
        (error: unknown) => error,
      );
      await asked;
      const seen = processesOf(scratch.path).map(({ command }) => command);
      expect(seen.some((command) => command.includes('remote-http'))).toBe(true);
      const before = beats;
      expect(before).toBeGreaterThan(0);
      await until('a heartbeat while git waits', () => beats > before);
      environment.cancel('CANCELLED');
      expect(await ended).toMatchObject({ name: expect.stringMatching(/AbortError|CancelledFailure/) });
      await until('git is gone', () => processesOf(scratch.path).length === 0, 5000);
      expect(readdirSync(tmpDir)).toEqual([]);
      expect(await objects.stat(codeKey('quiet'))).toBeNull();
    } finally {
      host.closeAllConnections();
      host.close();
    }
  });
});
