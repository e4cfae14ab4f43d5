import { describe, expect, test } from '@jest/globals';
import { createCodeMeter } from '../../../platform/git/code-meter.ts';
import type { Git } from '../../../platform/git/git.ts';
import { canPin, createPinningCheck } from '../../../platform/git/git-version.ts';
import { checkRemote } from '../../../platform/git/remote.ts';

const PUBLIC = '93.184.215.14';
const to =
  (...addresses: readonly string[]) =>
  async () =>
    addresses;

describe('the code meter', () => {
  const limits = { unpackedBytes: 10, files: 2, pathBytes: 300 };

  test('takes exactly its limits', () => {
    const meter = createCodeMeter(limits);
    meter.add(`d/${'n'.repeat(255)}`, 4);
    meter.add('b', 6);
    expect([meter.files, meter.bytes]).toEqual([2, 10]);
  });

  test.each([
    ['files', () => ['a', 'b', 'c'].map((path) => [path, 0] as const), /more than 2 files/],
    ['bytes', () => [['a', 11] as const], /larger than 10 bytes/],
    ['bytes in all', () => [['a', 6] as const, ['b', 5] as const], /larger than 10 bytes/],
    ['a path', () => [[`${'d/'.repeat(150)}x`, 0] as const], /path is longer than 300/],
    ['a name', () => [['n'.repeat(256), 0] as const], /name is longer than 255/],
  ])('refuses one too many: %s', (_name, files, detail) => {
    const meter = createCodeMeter(limits);
    const add = () => {
      for (const [path, size] of files()) meter.add(path, size);
    };
    expect(add).toThrow(expect.objectContaining({ reason: 'SOURCE_TOO_LARGE', message: expect.stringMatching(detail) }));
  });
});

describe('checkRemote', () => {
  test('pins a name to what it resolved to, and allows its one protocol', async () => {
    const remote = await checkRemote('https://git.example.com/a.git', [], to(PUBLIC, '2606:2800:21f:cb07:6820:80da:af6b:8b2c'));
    expect(remote).toMatchObject({ host: 'git.example.com', mustPin: true, url: 'https://git.example.com/a.git' });
    expect(remote.config).toEqual([
      `http.curloptResolve=git.example.com:443:${PUBLIC},[2606:2800:21f:cb07:6820:80da:af6b:8b2c]`,
      'protocol.https.allow=always',
    ]);
  });

  test('a final dot is no way around the pin', async () => {
    const remote = await checkRemote('https://git.example.com./a.git', [], to(PUBLIC));
    expect(remote.url).toBe('https://git.example.com/a.git');
    expect(remote.config[0]).toBe(`http.curloptResolve=git.example.com:443:${PUBLIC}`);
  });

  test('an address needs no pin, an allowed host may be private and plain', async () => {
    const never = () => Promise.reject(new Error('asked'));
    expect(await checkRemote(`https://${PUBLIC}/a.git`, [], never)).toMatchObject({
      mustPin: false,
      config: ['protocol.https.allow=always'],
    });
    const inside = await checkRemote('http://git.internal:3000/a.git', ['git.internal:3000'], to('10.0.0.7'));
    expect(inside).toMatchObject({ mustPin: false, addresses: ['10.0.0.7'] });
    expect(inside.config).toEqual(['http.curloptResolve=git.internal:3000:10.0.0.7', 'protocol.http.allow=always']);
  });

  test.each([
    ['one private address among public ones', [PUBLIC, '192.168.1.1'], 'SOURCE_REFUSED'],
    ['a link-local address', ['fe80::1'], 'SOURCE_REFUSED'],
    ['no address', [], 'SOURCE_UNREACHABLE'],
    ['an answer that is no address', ['10.0.0.7,evil'], 'SOURCE_UNREACHABLE'],
  ])('refuses a name with %s', async (_name, addresses, reason) => {
    await expect(checkRemote('https://git.example.com/a.git', [], to(...addresses))).rejects.toMatchObject({ reason });
  });
});

describe('an old git', () => {
  test.each([
    ['git version 2.36.6', false],
    ['git version 2.37.0', true],
    ['git version 2.39.5 (Apple Git-154)', true],
    ['git version 3.0.0', true],
    ['git version 1.99', false],
    ['', false],
  ])('%s can be kept to an address: %s', (line, expected) => {
    expect(canPin(line)).toBe(expected);
  });

  test('is refused by its version, asked for once', async () => {
    let asked = 0;
    const old: Git = async () => {
      asked += 1;
      return 'git version 2.30.2\n';
    };
    const check = createPinningCheck(old);
    const { signal } = new AbortController();
    for (const _ of [1, 2]) {
      await expect(check(signal)).rejects.toMatchObject({ reason: 'UNSUPPORTED', message: expect.stringContaining('git version 2.30.2') });
    }
    expect(asked).toBe(1);
  });
});
