import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cosPythonFolder } from '../../../scripts/setup/servers.mjs';
import { COS_TEST, type CosProcess, startCosProcess } from '../../servers/cos/cos-process.ts';

const execute = promisify(execFile);
const SCRIPT = join(import.meta.dirname, '../../servers/cos/python-client.py');

const available = existsSync(cosPythonFolder());
if (!available) console.warn("skipped: Tencent's Python SDK is missing; `node scripts/setup.mjs --servers` fetches it");

(available || process.env.CI ? describe : describe.skip)("the COS server, seen by Tencent's own Python SDK", () => {
  let cos: CosProcess;
  beforeAll(async () => {
    cos = await startCosProcess();
  });
  afterAll(() => cos.stop());

  test('does what the SDK expects of COS', async () => {
    const { secretId, secretKey, codeBucket, region } = COS_TEST;
    const env = {
      PATH: process.env.PATH,
      PYTHONPATH: cosPythonFolder(),
      PYTHONDONTWRITEBYTECODE: '1',
      NO_PROXY: '127.0.0.1',
      COS_SECRET_ID: secretId,
      COS_SECRET_KEY: secretKey,
    };
    const { stdout } = await execute('python3', [SCRIPT, cos.endpoint, codeBucket, region], { env });
    expect(JSON.parse(stdout)).toEqual({
      put: true,
      head: '1024000',
      get: true,
      range: '03040506',
      parts: ['1048576', '1048576', '1048580'],
      uploads: ['python/big'],
      multipart: true,
      aborted: [404, 'NoSuchUpload'],
      link: [200, 'text/x-own', true],
      forged_link: 403,
      list: [['list/a'], ['list/b/'], 'true', ['list/e'], 'false'],
      no_lifecycle: [404, 'NoSuchLifecycleConfiguration'],
      lifecycle: 'one',
      deleted: 6,
      gone: [404, 'NoSuchKey'],
      wrong_key: [403, 'SignatureDoesNotMatch'],
    });
  });
});
