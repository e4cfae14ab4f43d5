import { cosOptionsOf, openObjects } from '../../../platform/open-objects.ts';
import { loadSettings, SettingsError } from '../../../platform/settings.ts';
import { COS_TEST, cosSettings } from '../../servers/cos/cos-process.ts';

const env = cosSettings('http://127.0.0.1:1');
const folder = { publicUrl: 'http://localhost', secret: 's'.repeat(64) };
const open = (changes: Record<string, string>) => openObjects(loadSettings({ ...env, ...changes }), folder);

test('the folder serves its own links, COS does not', async () => {
  expect((await open({ CODEBAY_OBJECTS: 'folder' })).links).not.toBeNull();
  expect((await open({})).links).toBeNull();
});

test.each([
  ['CODEBAY_COS_SECRET_ID', ''],
  ['CODEBAY_COS_SECRET_KEY', ''],
  ['CODEBAY_COS_REGION', ''],
  ['CODEBAY_COS_REGION', 'cos.ap-guangzhou'],
  ['CODEBAY_COS_CODE_BUCKET', ''],
  ['CODEBAY_COS_CODE_BUCKET', 'no-appid'],
  ['CODEBAY_COS_LOGS_BUCKET', ''],
  ['CODEBAY_COS_LOGS_BUCKET', COS_TEST.codeBucket],
])('%s as %j is refused by its name', async (name, value) => {
  const error = await open({ [name]: value }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(SettingsError);
  expect(error).toMatchObject({ message: expect.stringMatching(new RegExp(`^${name}: `)) });
});

test('without an endpoint it is Tencent', () => {
  const { CODEBAY_COS_ENDPOINT: _, ...rest } = env;
  expect(cosOptionsOf(loadSettings(rest)).endpoint).toBeNull();
});
