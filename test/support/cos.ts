import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { CosOptions, CosTiming } from '../../platform/cos/options.ts';
import { createCosStore } from '../../platform/cos.ts';
import { COS_TEST } from '../servers/cos/cos-process.ts';
import { type CosServer, startCosServer } from '../servers/cos/server.ts';

/** Short enough for tests of what goes wrong. */
export const HURRIED: CosTiming = { connectMs: 2_000, idleMs: 2_000, attemptMs: 20_000, attempts: 4, firstPauseMs: 5, longestPauseMs: 20 };

export const cosOptions = (endpoint: string, changes: Partial<CosOptions> = {}): CosOptions => {
  const { secretId, secretKey, region, codeBucket, logsBucket } = COS_TEST;
  return { secretId, secretKey, region, codeBucket, logsBucket, endpoint, timing: HURRIED, ...changes };
};

/** A server in this process, so that it can be told to fail, and a store on it. */
export const openCos = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'codebay-cos-'));
  const { secretId, secretKey, region, codeBucket, logsBucket } = COS_TEST;
  const server: CosServer = await startCosServer({
    folder,
    buckets: [codeBucket, logsBucket],
    region,
    credentials: { secretId, secretKey },
  });
  return {
    server,
    folder,
    store: createCosStore(cosOptions(server.endpoint)),
    close: async () => {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
};
export type TestCos = Awaited<ReturnType<typeof openCos>>;

/** Fetches a link of COS from the server at `endpoint`, as a browser would from Tencent's. */
export const fetchLink = async (endpoint: string, link: string, headers: Record<string, string> = {}) => {
  const [, host = '', path = ''] = /^https:\/\/([^/]+)(\/.*)$/.exec(link) ?? [];
  const answer = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    const { hostname, port } = new URL(endpoint);
    request({ host: hostname, port, path, headers: { ...headers, host } }, resolve)
      .once('error', reject)
      .end();
  });
  return { status: answer.statusCode, headers: answer.headers, body: await buffer(answer) };
};
