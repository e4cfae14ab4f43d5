import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { COS_TEST, cosSettings } from '../../servers/cos/cos-process.ts';
import { openCos, type TestCos } from '../../support/cos.ts';

const execute = promisify(execFile);
const MAIN = join(import.meta.dirname, '../../../cli/main.ts');
const { codeBucket, logsBucket, secretKey } = COS_TEST;

let cos: TestCos;
beforeEach(async () => {
  cos = await openCos();
});
afterEach(() => cos.close());

interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly code?: number;
}

const adminCos = async (args: readonly string[] = [], env: Record<string, string> = {}): Promise<Ended> => {
  const whole = { PATH: process.env.PATH, ...cosSettings(cos.server.endpoint), ...env };
  const ended: Ended = await execute(process.execPath, [MAIN, 'admin', 'cos', ...args], { env: whole }).catch((error) => error);
  for (const text of [ended.stdout, ended.stderr]) expect(text).not.toContain(secretKey);
  return ended;
};
const rulesOf = (bucket: string): Promise<string> => readFile(join(cos.folder, bucket, 'lifecycle.xml'), 'utf8').catch(() => '');
const puts = (): number => cos.server.seen.filter(({ method }) => method === 'PUT').length;

test('sets rules that outlive every task, and changes nothing when done again', async () => {
  const first = await adminCos([], { CODEBAY_RETENTION_DAYS: '40' });
  expect(first.stderr.trim().split('\n')).toEqual([
    `${codeBucket}: set codebay-tmp-zips, codebay-processed-code, codebay-runs, codebay-turns, codebay-setup-cache, codebay-unfinished-uploads`,
    `${logsBucket}: set codebay-logs, codebay-unfinished-uploads`,
  ]);
  const code = await rulesOf(codeBucket);
  expect(code).toContain('<Filter><Prefix>processed_code/</Prefix></Filter><Expiration><Days>9</Days></Expiration>');
  expect(code).toContain('<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation>');
  expect(await rulesOf(logsBucket)).toContain('<Filter><Prefix>logs/</Prefix></Filter><Expiration><Days>47</Days></Expiration>');

  const again = await adminCos([], { CODEBAY_RETENTION_DAYS: '40' });
  expect(again.stderr.trim().split('\n')).toEqual([`${codeBucket}: nothing to change`, `${logsBucket}: nothing to change`]);
  expect(puts()).toBe(2);
  await adminCos([], { CODEBAY_RETENTION_DAYS: '10' });
  expect(await rulesOf(logsBucket)).toContain('<Days>17</Days>');
  expect(puts()).toBe(3);
});

test('keeps the rules of others', async () => {
  const theirs =
    '<Rule><ID>theirs</ID><Status>Enabled</Status><Filter><Prefix>media/</Prefix></Filter><Expiration><Days>5</Days></Expiration></Rule>';
  await writeFile(join(cos.folder, codeBucket, 'lifecycle.xml'), `<LifecycleConfiguration>${theirs}</LifecycleConfiguration>`);
  await adminCos();
  expect(await rulesOf(codeBucket)).toContain(theirs);
  expect((await rulesOf(codeBucket)).match(/<Rule>/g)).toHaveLength(7);
});

test('only tells with --dry-run', async () => {
  const { stderr } = await adminCos(['--dry-run']);
  expect(stderr).toContain(`${codeBucket}: would set codebay-tmp-zips`);
  expect([await rulesOf(codeBucket), await rulesOf(logsBucket), puts()]).toEqual(['', '', 0]);
});

test('prints what each key needs, and no more', async () => {
  const policies = JSON.parse((await adminCos(['--dry-run'])).stdout);
  const allows = (service: string, action: string): string[] =>
    policies[service].statement
      .filter(({ action: actions }: { action: string[] }) => actions.includes(`name/cos:${action}`))
      .flatMap(({ resource }: { resource: string[] }) => resource);
  const at = (bucket: string, prefix: string): string => `qcs::cos:ap-guangzhou:uid/1250000000:${bucket}/${prefix}*`;
  const written = ['tmp_zips/', 'runs/', 'turns/', 'setup_cache/'];
  expect(allows('api', 'PutObject')).toEqual(written.map((prefix) => at(codeBucket, prefix)));
  expect(allows('worker', 'PutObject')).toEqual([at(codeBucket, 'processed_code/'), at(logsBucket, 'logs/')]);
  expect(allows('api', 'GetObject')).toContain(at(logsBucket, 'logs/'));
  for (const service of ['api', 'worker']) expect(allows(service, 'PutBucketLifecycle')).toEqual([]);
  expect(JSON.stringify(policies)).not.toMatch(/"\*"|name\/cos:\*/);
});

test('names the setting that is missing or refused', async () => {
  const missing = await adminCos([], { CODEBAY_COS_REGION: '' });
  expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining('CODEBAY_COS_REGION')]);
  const malformed = await adminCos([], { CODEBAY_COS_LOGS_BUCKET: 'no-appid' });
  expect([malformed.code, malformed.stderr]).toEqual([2, expect.stringContaining('CODEBAY_COS_LOGS_BUCKET')]);
  const wrong = await adminCos([], { CODEBAY_COS_SECRET_ID: 'AKIDnobody' });
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('CODEBAY_COS_SECRET_ID')]);
});
