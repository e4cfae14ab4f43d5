import { randomBytes } from 'node:crypto';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { inspect } from 'node:util';
import { createCosStore } from '../../../platform/cos.ts';
import { ObjectStoreRefusedError, ObjectStoreUnavailableError, ObjectTooLargeError } from '../../../tasks/ports/object-store.ts';
import { COS_TEST } from '../../servers/cos/cos-process.ts';
import type { Fault, FaultPlan } from '../../servers/cos/faults.ts';
import { cosOptions, HURRIED, openCos, type TestCos } from '../../support/cos.ts';
import { until } from '../../support/until.ts';

const MB = 1024 * 1024;
const SMALL = randomBytes(300_000);
/** Three parts. */
const LARGE = randomBytes(10 * MB);
const KEY = 'processed_code/t1/code.tar.zst';
const STORED = `${COS_TEST.codeBucket}/${KEY}`;

let cos: TestCos;
beforeEach(async () => {
  cos = await openCos();
});
afterEach(() => cos.close());

const chunked = (data: Buffer): Readable =>
  Readable.from(
    (function* () {
      for (let at = 0; at < data.length; at += 100_000) yield data.subarray(at, at + 100_000);
    })(),
    { objectMode: false },
  );
const put = (data: Buffer, store = cos.store) => store.put(KEY, chunked(data));
const read = async (store = cos.store): Promise<Buffer | null> => {
  const object = await store.get(KEY);
  return object === null ? null : buffer(object.body);
};
const fail = (fault: Fault, plan: Omit<FaultPlan, 'fault'> = {}) => cos.server.faults.add({ ...plan, fault });
const count = (method: string, query?: string): number =>
  cos.server.seen.filter((one) => one.method === method && (query === undefined || one.query.includes(query))).length;

/** The error of a call that must fail, after a look whether it holds anything of the keys. */
const errorOf = async (call: Promise<unknown>): Promise<unknown> => {
  const error = await call.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).not.toBeNull();
  const told = `${inspect(error, { depth: 20, showHidden: true })} ${JSON.stringify(error)}`;
  for (const secret of [COS_TEST.secretKey, COS_TEST.secretId, 'q-signature']) expect(told).not.toContain(secret);
  return error;
};

const slowDown: Fault = { kind: 'answer', status: 503, code: 'SlowDown' };
const passing: readonly [string, Fault, number][] = [
  ['503 thrice', slowDown, 3],
  ['a reset in the middle', { kind: 'reset', afterBytes: 100_000 }, 1],
  ['a reset at once', { kind: 'reset', afterBytes: 0 }, 2],
  ['a stall in the middle', { kind: 'stall', afterBytes: 100_000 }, 1],
  ['a wrong checksum', { kind: 'wrong_crc' }, 1],
  ['a lost answer', { kind: 'lost_reply' }, 1],
];

describe('an upload', () => {
  test.each(passing)('in one request outlives %s', async (_, fault, times) => {
    fail(fault, { method: 'PUT', times });
    await expect(put(SMALL)).resolves.toMatchObject({ sizeBytes: SMALL.length });
    expect(count('PUT')).toBe(times + 1);
    expect((await read())?.equals(SMALL)).toBe(true);
  });

  test.each(passing)('in parts outlives %s', async (_, fault, times) => {
    fail(fault, { method: 'PUT', query: 'partnumber', times });
    await expect(put(LARGE)).resolves.toMatchObject({ sizeBytes: LARGE.length });
    expect(count('PUT', 'partnumber')).toBe(3 + times);
    expect((await read())?.equals(LARGE)).toBe(true);
    expect(cos.server.residue()).toEqual([STORED]);
  });

  test.each([
    ['its start', 'uploads'],
    ['its completion', 'uploadid'],
  ])('in parts outlives 503 at %s', async (_, query) => {
    fail(slowDown, { method: 'POST', query, times: 3 });
    await put(LARGE);
    expect(cos.server.residue()).toEqual([STORED]);
  });

  test('in parts outlives a completion that fails behind a 200', async () => {
    fail({ kind: 'answer', status: 200, code: 'InternalError' }, { method: 'POST', query: 'uploadid', times: 1 });
    await put(LARGE);
    expect(count('POST', 'uploadid')).toBe(2);
    expect((await read())?.equals(LARGE)).toBe(true);
  });

  test('in parts is found done when the answer to its completion is lost', async () => {
    fail({ kind: 'lost_reply' }, { method: 'POST', query: 'uploadid', times: 1 });
    await put(LARGE);
    expect(count('HEAD')).toBe(1);
    expect(cos.server.residue()).toEqual([STORED]);
  });

  test.each([
    ['one request', SMALL],
    ['parts', LARGE],
  ])('in %s that fails for good leaves nothing, what stood there stays', async (_, data) => {
    await put(Buffer.from('before'));
    fail(slowDown, { method: 'PUT' });
    const body = chunked(data);
    expect(await errorOf(cos.store.put(KEY, body))).toBeInstanceOf(ObjectStoreUnavailableError);
    expect(body.destroyed).toBe(true);
    expect(cos.server.residue()).toEqual([STORED]);
    expect((await read())?.toString()).toBe('before');
  });

  test('whose bytes never arrive as they were is an error', async () => {
    fail({ kind: 'wrong_crc' }, { method: 'PUT' });
    expect(await errorOf(put(SMALL))).toBeInstanceOf(ObjectStoreUnavailableError);
    expect(count('PUT')).toBe(HURRIED.attempts);
  });

  test('in parts that turns out too large leaves nothing', async () => {
    expect(await errorOf(cos.store.put(KEY, chunked(LARGE), { maxBytes: 9 * MB }))).toBeInstanceOf(ObjectTooLargeError);
    expect(cos.server.residue()).toEqual([]);
  });

  test('in parts whose source fails leaves nothing', async () => {
    const failing = async function* () {
      yield LARGE.subarray(0, 9 * MB);
      throw new TypeError('the source broke');
    };
    expect(await errorOf(cos.store.put(KEY, Readable.from(failing())))).toMatchObject({ message: 'the source broke' });
    expect(cos.server.residue()).toEqual([]);
  });

  test('in parts ends with an error when its prefix is deleted under its feet', async () => {
    const body = new PassThrough();
    const result = errorOf(cos.store.put(KEY, body));
    body.write(LARGE.subarray(0, 9 * MB));
    await until('a part is there', () => count('PUT', 'partnumber') > 0);
    await cos.store.deletePrefix('processed_code/t1/');
    body.end('the rest');
    expect(await result).toBeInstanceOf(ObjectStoreUnavailableError);
    expect(cos.server.residue()).toEqual([]);
  });

  test('stops at once when it is aborted, and leaves nothing', async () => {
    const patient = createCosStore(cosOptions(cos.server.endpoint, { timing: {} }));
    fail({ kind: 'stall', afterBytes: 1000 }, { method: 'PUT' });
    const abort = new AbortController();
    const result = errorOf(patient.put(KEY, chunked(LARGE), { signal: abort.signal }));
    await until('a part is under way', () => count('PUT', 'partnumber') > 0);
    const abortedAt = performance.now();
    abort.abort();
    expect(await result).toMatchObject({ name: 'AbortError' });
    expect(performance.now() - abortedAt).toBeLessThan(5_000);
    expect(cos.server.residue()).toEqual([]);
  });

  test('of one key by two replicas at once leaves one of both, whole', async () => {
    const other = createCosStore(cosOptions(cos.server.endpoint));
    const theirs = randomBytes(9 * MB);
    await Promise.all([put(LARGE), put(theirs, other)]);
    const stored = await read();
    expect([LARGE, theirs].some((data) => stored?.equals(data))).toBe(true);
    expect(cos.server.residue()).toEqual([STORED]);
  });
});

describe('a download', () => {
  beforeEach(() => put(LARGE));

  const breaks: readonly [string, readonly Fault[]][] = [
    ['503 thrice', [slowDown, slowDown, slowDown]],
    ['resets', [5 * MB, 1, 3 * MB].map((afterBytes): Fault => ({ kind: 'reset', afterBytes }))],
    ['an end that comes too early', [{ kind: 'truncate', afterBytes: 3 * MB }]],
    ['a stall', [{ kind: 'stall', afterBytes: 7 * MB }]],
    ['a break and 503 behind it', [{ kind: 'reset', afterBytes: 2 * MB }, slowDown, slowDown]],
  ];
  test.each(breaks)('outlives %s', async (_, faults) => {
    for (const fault of faults) fail(fault, { method: 'GET', times: 1 });
    expect((await read())?.equals(LARGE)).toBe(true);
    expect(count('GET')).toBe(faults.length + 1);
  });

  test('goes on from where it broke', async () => {
    fail({ kind: 'truncate', afterBytes: 3 * MB }, { method: 'GET', times: 1 });
    await read();
    expect(cos.server.seen.map(({ range }) => range).filter((range) => range !== undefined)).toEqual([`bytes=${3 * MB}-`]);
  });

  test('is given up when nothing more comes', async () => {
    fail({ kind: 'reset', afterBytes: MB }, { method: 'GET', times: 1 });
    fail({ kind: 'reset', afterBytes: 0 }, { method: 'GET' });
    expect(await errorOf(read())).toBeInstanceOf(ObjectStoreUnavailableError);
    expect(count('GET')).toBe(HURRIED.attempts);
  });

  test('of other bytes than were stored ends with an error', async () => {
    fail({ kind: 'damage' }, { method: 'GET' });
    expect(await errorOf(read())).toMatchObject({ name: 'ObjectStoreUnavailableError', message: expect.stringContaining('checksum') });
  });

  test('never goes on with another object', async () => {
    fail({ kind: 'stall', afterBytes: 5 * MB }, { method: 'GET', times: 1 });
    const object = await cos.store.get(KEY);
    await put(SMALL);
    expect(await errorOf(object === null ? Promise.resolve() : buffer(object.body))).toMatchObject({
      name: 'ObjectStoreUnavailableError',
      message: expect.stringContaining('replaced'),
    });
  });

  test('waits for a slow reader', async () => {
    const object = await cos.store.get(KEY);
    const chunks: Buffer[] = [];
    for await (const chunk of object?.body ?? []) {
      if (chunks.length === 1) await pause(HURRIED.idleMs * 2);
      chunks.push(chunk);
    }
    expect(Buffer.concat(chunks).equals(LARGE)).toBe(true);
    expect(count('GET')).toBe(1);
  });

  test('lets go of its connection when its reader goes', async () => {
    fail({ kind: 'stall', afterBytes: MB }, { method: 'GET' });
    const patient = createCosStore(cosOptions(cos.server.endpoint, { timing: {} }));
    const object = await patient.get(KEY);
    const closed = new Promise((resolve) => object?.body.once('close', resolve));
    object?.body.once('data', () => object.body.destroy());
    await closed;
  });
});

describe('what an operator has to mend is told by its setting', () => {
  const denied: Fault = { kind: 'answer', status: 403, code: 'AccessDenied' };
  const refused: readonly [string, () => Promise<unknown>, string][] = [
    [
      'a wrong secret key',
      () => put(SMALL, createCosStore(cosOptions(cos.server.endpoint, { secretKey: 'x'.repeat(32) }))),
      'CODEBAY_COS_SECRET_KEY',
    ],
    [
      'an unknown key id',
      () => put(SMALL, createCosStore(cosOptions(cos.server.endpoint, { secretId: 'AKIDnobody' }))),
      'CODEBAY_COS_SECRET_ID',
    ],
    [
      'a bucket that is not there',
      () => read(createCosStore(cosOptions(cos.server.endpoint, { codeBucket: 'no-1250000000' }))),
      'CODEBAY_COS_CODE_BUCKET',
    ],
    [
      'a download that is not allowed',
      () => {
        fail(denied);
        return read();
      },
      'CODEBAY_COS_CODE_BUCKET',
    ],
    [
      'a look that is not allowed',
      () => {
        fail(denied);
        return cos.store.stat('logs/t1/a');
      },
      'CODEBAY_COS_LOGS_BUCKET',
    ],
    [
      'a deletion that is not allowed',
      () => {
        fail(denied);
        return cos.store.deletePrefix('logs/t1/');
      },
      'CODEBAY_COS_LOGS_BUCKET',
    ],
    [
      'a request that is late for another reason',
      () => {
        fail({ kind: 'answer', status: 403, code: 'RequestTimeTooSkewed' });
        return put(SMALL);
      },
      'clock',
    ],
  ];
  test.each(refused)('%s', async (_, call, setting) => {
    const error = await errorOf(call());
    expect(error).toBeInstanceOf(ObjectStoreRefusedError);
    expect(error).toMatchObject({ message: expect.stringContaining(setting) });
    expect(cos.server.seen).toHaveLength(1);
  });
});

describe('a clock that is wrong', () => {
  test.each([3600, -3600])('by %d s is set right by the server, once', async (seconds) => {
    cos.server.advance(seconds * 1000);
    await put(SMALL);
    expect((await read())?.equals(SMALL)).toBe(true);
    expect(cos.server.seen.map(({ method }) => method)).toEqual(['PUT', 'PUT', 'GET']);
  });
});

describe('deleting a prefix', () => {
  const fill = async (objects: number): Promise<void> => {
    for (let at = 0; at < objects; at += 50) {
      await Promise.all(
        Array.from({ length: Math.min(50, objects - at) }, (_, n) => cos.store.put(`runs/r1/&<ä>${at + n}`, Readable.from(['x']))),
      );
    }
  };

  test('takes more than one page', async () => {
    await fill(1001);
    // Nothing fails here: only impatience with a page of 1,000 on a busy machine would ask twice.
    const patient = createCosStore(
      cosOptions(cos.server.endpoint, { timing: { ...HURRIED, connectMs: 30_000, idleMs: 30_000, attemptMs: 50_000 } }),
    );
    await patient.deletePrefix('runs/r1/');
    expect(cos.server.residue()).toEqual([]);
    expect(count('POST', 'delete')).toBe(2);
  });

  test('asks again for what was not deleted, and for that alone', async () => {
    await fill(5);
    fail({ kind: 'refuse_keys', keys: /[12]$/, code: 'InternalError' }, { method: 'POST', query: 'delete', times: 1 });
    await cos.store.deletePrefix('runs/r1/');
    expect(cos.server.residue()).toEqual([]);
    expect(count('POST', 'delete')).toBe(2);
  });

  test.each([
    ['InternalError', ObjectStoreUnavailableError],
    ['AccessDenied', ObjectStoreRefusedError],
  ])('fails where objects stay for %s', async (code, type) => {
    await fill(3);
    fail({ kind: 'refuse_keys', keys: /2$/, code }, { method: 'POST', query: 'delete' });
    expect(await errorOf(cos.store.deletePrefix('runs/r1/'))).toBeInstanceOf(type);
    expect(cos.server.residue()).toEqual([`${COS_TEST.codeBucket}/runs/r1/&<ä>2`]);
  });

  test('ends the uploads that dead processes left there, and no others', async () => {
    fail({ kind: 'answer', status: 403, code: 'AccessDenied' }, { method: 'DELETE' });
    fail({ kind: 'answer', status: 403, code: 'AccessDenied' }, { method: 'PUT', query: 'partnumber' });
    for (const key of ['runs/r1/a', 'runs/r10/a']) await errorOf(cos.store.put(key, chunked(LARGE)));
    cos.server.faults.clear();
    expect(cos.server.residue()).toHaveLength(2);
    await cos.store.deletePrefix('runs/r1/');
    expect(cos.server.residue()).toEqual([expect.stringContaining('/runs/r10/a?uploadId=')]);
  });
});

test('a server that is gone is an error for now, and its return is found', async () => {
  await put(SMALL);
  const away = createCosStore(cosOptions('http://127.0.0.1:9'));
  for (const call of [() => put(SMALL, away), () => read(away), () => away.stat(KEY), () => away.deletePrefix('logs/t1/')]) {
    expect(await errorOf(call())).toBeInstanceOf(ObjectStoreUnavailableError);
  }
});
