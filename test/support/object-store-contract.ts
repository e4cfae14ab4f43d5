import { createHash } from 'node:crypto';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { type ObjectStore, ObjectTooLargeError } from '../../tasks/ports/object-store.ts';

export interface ObjectStoreFixture {
  readonly store: ObjectStore;
  /** The keys of all objects, and the names of whatever unfinished uploads have left behind. */
  residue(): Promise<readonly string[]>;
  /** What a presigned link serves, as its user would fetch it; null where it is refused. */
  follow(
    link: string,
  ): Promise<{ readonly body: Buffer; readonly filename: string; readonly contentType: string; readonly sizeBytes: number } | null>;
  /** Moves the clock that links expire by. */
  advance(ms: number): void;
  dispose(): Promise<void>;
}

const LINK = { expiresInMs: 60_000, filename: 'diff "ä".patch', contentType: 'text/x-diff; charset=utf-8' };

const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

/** What every object store adapter promises. */
export const objectStoreContract = (name: string, open: () => Promise<ObjectStoreFixture>): void => {
  describe(`${name} as an object store`, () => {
    let fixture: ObjectStoreFixture;
    let store: ObjectStore;

    const putText = (key: string, text: string) => store.put(key, Readable.from([Buffer.from(text)]));
    const textOf = async (key: string): Promise<string | null> => {
      const object = await store.get(key);
      return object === null ? null : (await buffer(object.body)).toString();
    };

    beforeEach(async () => {
      fixture = await open();
      store = fixture.store;
    });
    afterEach(() => fixture.dispose());

    test('an object comes back byte for byte, with its size and hash', async () => {
      const data = Buffer.from(Array.from({ length: 300_000 }, (_, n) => n % 251));
      const pieces = [data.subarray(0, 1), data.subarray(1, 100_000), data.subarray(100_000)];
      expect(await store.put('logs/t1/diff.patch', Readable.from(pieces))).toEqual({ sizeBytes: data.length, sha256: sha256(data) });
      const object = await store.get('logs/t1/diff.patch');
      expect(object?.sizeBytes).toBe(data.length);
      expect(object && (await buffer(object.body)).equals(data)).toBe(true);
      expect(await store.stat('logs/t1/diff.patch')).toEqual({ sizeBytes: data.length });
    });

    test('an empty object is an object', async () => {
      expect(await store.put('a/empty', Readable.from([]))).toEqual({ sizeBytes: 0, sha256: sha256(Buffer.alloc(0)) });
      expect(await textOf('a/empty')).toBe('');
    });

    test('what is not there is null, a folder of objects too', async () => {
      await putText('a/b/c', 'x');
      for (const key of ['nothing', 'a/b', 'a/b/c/d', 'a/b/cc']) {
        expect(await store.get(key)).toBeNull();
        expect(await store.stat(key)).toBeNull();
      }
    });

    test('a later put replaces the whole object', async () => {
      await putText('a/b', 'a long first text');
      await putText('a/b', 'short');
      expect(await textOf('a/b')).toBe('short');
      expect(await fixture.residue()).toEqual(['a/b']);
    });

    test('a reader keeps what it opened while the object is replaced', async () => {
      await putText('a/b', 'first');
      const object = await store.get('a/b');
      await putText('a/b', 'second');
      expect(object && (await buffer(object.body)).toString()).toBe('first');
    });

    test('parallel puts of one key leave one of them whole', async () => {
      const texts = Array.from({ length: 8 }, (_, n) => `${n}`.repeat(50_000));
      await Promise.all(texts.map((text) => putText('a/b', text)));
      expect(texts).toContain(await textOf('a/b'));
      expect(await fixture.residue()).toEqual(['a/b']);
    });

    test('a stream over the limit is refused and leaves nothing, what stood there stays', async () => {
      await putText('a/b', 'before');
      const body = Readable.from([Buffer.alloc(6), Buffer.alloc(5)]);
      const refused = await store.put('a/b', body, { maxBytes: 10 }).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(ObjectTooLargeError);
      expect(refused).toMatchObject({ maxBytes: 10 });
      expect(body.destroyed).toBe(true);
      expect(await textOf('a/b')).toBe('before');
      expect(await fixture.residue()).toEqual(['a/b']);
      await expect(store.put('a/b', Readable.from([Buffer.alloc(10)]), { maxBytes: 10 })).resolves.toMatchObject({ sizeBytes: 10 });
    });

    test('a source that fails in the middle leaves nothing', async () => {
      const failing = async function* () {
        yield Buffer.alloc(100_000);
        throw new TypeError('the source broke');
      };
      await expect(store.put('a/b', Readable.from(failing()))).rejects.toThrow('the source broke');
      expect(await fixture.residue()).toEqual([]);
    });

    test('a source that failed before the put leaves nothing', async () => {
      const body = new PassThrough();
      body.on('error', () => {});
      body.destroy(new TypeError('the source broke'));
      await expect(store.put('a/b', body)).rejects.toThrow();
      expect(await fixture.residue()).toEqual([]);
    });

    test('a source that fails while the put prepares leaves nothing', async () => {
      const body = new PassThrough();
      const put = store.put('a/b', body);
      // Without a listener from the first moment on, an early error would end the process.
      expect(body.listenerCount('error')).toBeGreaterThan(0);
      body.destroy(new TypeError('the source broke'));
      await expect(put).rejects.toThrow();
      expect(await fixture.residue()).toEqual([]);
    });

    test('an aborted put leaves nothing and lets go of its source', async () => {
      const abort = new AbortController();
      const body = new PassThrough();
      const put = store.put('a/b', body, { signal: abort.signal });
      body.write(Buffer.alloc(1000));
      abort.abort();
      await expect(put).rejects.toMatchObject({ name: 'AbortError' });
      expect(body.destroyed).toBe(true);
      await expect(store.put('a/b', Readable.from(['x']), { signal: abort.signal })).rejects.toMatchObject({ name: 'AbortError' });
      expect(await fixture.residue()).toEqual([]);
    });

    test('an aborted get ends its stream', async () => {
      await store.put('a/b', Readable.from([Buffer.alloc(1_000_000)]));
      const abort = new AbortController();
      const object = await store.get('a/b', { signal: abort.signal });
      abort.abort();
      await expect(object && buffer(object.body)).rejects.toMatchObject({ name: 'AbortError' });
    });

    test('deleting a prefix takes what is below it and nothing beside it', async () => {
      for (const key of ['runs/t1/a', 'runs/t1/b/c', 'runs/t10/a', 'logs/t1/a']) await putText(key, key);
      await store.deletePrefix('runs/t1/');
      await store.deletePrefix('runs/t1/');
      await store.deletePrefix('nothing/');
      expect(await fixture.residue()).toEqual(['logs/t1/a', 'runs/t10/a']);
      await putText('runs/t1/a', 'again');
      expect(await textOf('runs/t1/a')).toBe('again');
      await expect(store.deletePrefix('runs/t1')).rejects.toThrow();
      expect(await textOf('runs/t1/a')).toBe('again');
    });

    test('puts and deletions of one prefix at once leave whole objects', async () => {
      for (let round = 0; round < 5; round += 1) {
        await Promise.all(Array.from({ length: 30 }, (_, n) => (n % 3 === 2 ? store.deletePrefix('a/') : putText(`a/b${n}/c`, 'whole'))));
      }
      for (const key of await fixture.residue()) expect(await textOf(key)).toBe('whole');
      expect((await fixture.residue()).every((key) => key.startsWith('a/'))).toBe(true);
    });

    test.each(['', '/etc/passwd', '../x', 'a/../../x', 'a/..', '..', '.', 'a//b', 'a/./b', 'a/', 'a\0b', 'a\\b', `a/${'x'.repeat(849)}`])(
      '%j is no key',
      async (key) => {
        const body = Readable.from(['x']);
        await expect(store.put(key, body)).rejects.toThrow();
        expect(body.destroyed).toBe(true);
        await expect(store.get(key)).rejects.toThrow();
        await expect(store.stat(key)).rejects.toThrow();
        await expect(store.deletePrefix(`${key}/`)).rejects.toThrow();
        await expect(store.presign(key, LINK)).rejects.toThrow();
        expect(await fixture.residue()).toEqual([]);
      },
    );

    describe('links', () => {
      test('a link opens its object until it expires', async () => {
        await putText('logs/t1/diff ä+%.patch', 'diff');
        const link = await store.presign('logs/t1/diff ä+%.patch', LINK);
        expect(await fixture.follow(link)).toEqual({
          body: Buffer.from('diff'),
          filename: LINK.filename,
          contentType: LINK.contentType,
          sizeBytes: 4,
        });
        fixture.advance(LINK.expiresInMs);
        expect(await fixture.follow(link)).toBeNull();
      });

      test('a link is for one object and can not be changed', async () => {
        await putText('logs/t1/a', 'mine');
        await putText('logs/t2/a', 'not mine');
        const link = await store.presign('logs/t1/a', LINK);
        expect(await fixture.follow(link)).not.toBeNull();
        const changed = [link.replace('t1', 't2'), link.replace('logs/t1', 'logs/t2/../t2'), link.split('?')[0] ?? ''];
        for (const [name] of new URL(link).searchParams) {
          const one = new URL(link);
          one.searchParams.set(name, `${Number(one.searchParams.get(name)) ? Date.now() * 2 : 'text/html'}`);
          changed.push(one.href);
          one.searchParams.delete(name);
          changed.push(one.href);
        }
        for (const forged of changed) expect(await fixture.follow(forged)).toBeNull();
      });

      test('a link to an object that is gone opens nothing', async () => {
        await putText('logs/t1/a', 'x');
        const link = await store.presign('logs/t1/a', LINK);
        await store.deletePrefix('logs/t1/');
        expect(await fixture.follow(link)).toBeNull();
      });
    });
  });
};
