import { jest } from '@jest/globals';
import { channelOf } from '../../../platform/store/change-channel.ts';
import { type ChangeNotifications, createChangeFeed } from '../../../platform/store/change-feed.ts';
import { StoreUnavailableError } from '../../../tasks/ports/store-unavailable-error.ts';

const INTERVAL_MS = 50;

const createFixture = (notifications?: ChangeNotifications) => {
  const database = { token: 'a', reads: 0, failure: null as Error | null };
  const feed = createChangeFeed({
    readTokens: async () => {
      database.reads += 1;
      if (database.failure !== null) throw database.failure;
      return [database.token];
    },
    pollMs: INTERVAL_MS,
    notifications,
  });
  return { database, feed };
};

const tick = () => jest.advanceTimersByTimeAsync(INTERVAL_MS);

/** Past the start, and past the first look, which can't know what changed before it. */
const settled = async (listener: AsyncGenerator<void>) => {
  await listener.next();
  const first = listener.next();
  await tick();
  await first;
};

describe('a change feed', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  test('one poller serves any number of listeners, and none is left when the last has gone', async () => {
    const { database, feed } = createFixture();
    const abort = new AbortController();
    expect(jest.getTimerCount()).toBe(0);
    const listeners = [feed.listen('t1', abort.signal), feed.listen('t1', abort.signal), feed.listen('t1', abort.signal)];
    for (const listener of listeners) await listener.next();
    expect(jest.getTimerCount()).toBe(1);
    await tick();
    await tick();
    expect(database.reads).toBe(2);
    await listeners[0]?.return();
    expect(jest.getTimerCount()).toBe(1);
    abort.abort();
    expect(jest.getTimerCount()).toBe(0);
    for (const listener of listeners) expect((await listener.next()).done).toBe(true);
    expect(database.reads).toBe(2);
  });

  test('changes while the listener is busy are one, and nothing comes without a change', async () => {
    const { database, feed } = createFixture();
    const abort = new AbortController();
    const listener = feed.listen('t1', abort.signal);
    await settled(listener);
    for (const token of ['b', 'c', 'd']) {
      database.token = token;
      await tick();
    }
    expect((await listener.next()).done).toBe(false);
    let yielded = false;
    const next = listener.next().then(({ done }) => {
      yielded = !done;
    });
    await tick();
    expect(yielded).toBe(false);
    database.token = 'e';
    await tick();
    expect(yielded).toBe(true);
    await next;
    abort.abort();
  });

  test('a listener whose consumer has gone away without a word ends with its signal', async () => {
    const { feed } = createFixture();
    const abort = new AbortController();
    await feed.listen('t1', abort.signal).next();
    expect(jest.getTimerCount()).toBe(1);
    abort.abort();
    expect(jest.getTimerCount()).toBe(0);
  });

  test('a signal that is over already yields nothing', async () => {
    const { feed } = createFixture();
    expect((await feed.listen('t1', AbortSignal.abort()).next()).done).toBe(true);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('a token that can not be read fails the listeners, later ones may succeed', async () => {
    const { database, feed } = createFixture();
    const abort = new AbortController();
    const listener = feed.listen('t1', abort.signal);
    await settled(listener);
    database.failure = new Error('the disk is gone');
    const next = listener.next();
    const failed = expect(next).rejects.toThrow('the disk is gone');
    await tick();
    await failed;
    expect(jest.getTimerCount()).toBe(0);
    Object.assign(database, { failure: null, token: 'z' });
    await settled(feed.listen('t1', abort.signal));
    abort.abort();
  });

  test('a store that is away is waited out, and what was missed is told when it is back', async () => {
    const { database, feed } = createFixture();
    const abort = new AbortController();
    const listener = feed.listen('t1', abort.signal);
    await settled(listener);
    database.failure = new StoreUnavailableError('away');
    const next = listener.next();
    for (let n = 0; n < 3; n += 1) await tick();
    // The same token as before: nobody knows what it was in between.
    database.failure = null;
    await tick();
    expect((await next).done).toBe(false);
    abort.abort();
  });

  test('only those are woken whose channel has changed', async () => {
    const tokens = ['a', 'a', 'a'];
    const feed = createChangeFeed({ readTokens: async () => [...tokens], pollMs: INTERVAL_MS });
    const abort = new AbortController();
    const ids = ['t1', 't2', 't3', 't4', 't5', 't6'];
    const woken = new Set<string>();
    const listeners = ids.map((id) => ({ id, listener: feed.listen(id, abort.signal) }));
    for (const { listener } of listeners) await listener.next();
    await tick();
    for (const { id, listener } of listeners) {
      await listener.next();
      void listener.next().then(() => woken.add(id));
    }
    const channel = channelOf('t1', tokens.length);
    tokens[channel] = 'b';
    await tick();
    expect([...woken].sort()).toEqual(ids.filter((id) => channelOf(id, tokens.length) === channel));
    expect(woken.size).toBeLessThan(ids.length);
    abort.abort();
  });

  test('a notification wakes at once whom it is for, and polling goes on, as slowly as it may', async () => {
    let notify: (taskId: string | null) => void = () => {};
    const published: string[] = [];
    let subscribed = true;
    const { database, feed } = createFixture({
      publish: (taskId) => published.push(taskId),
      subscribe: (onChange) => {
        notify = onChange;
        return () => {
          subscribed = false;
        };
      },
      pollMs: INTERVAL_MS * 10,
    });
    const abort = new AbortController();
    const [mine, other] = [feed.listen('t1', abort.signal), feed.listen('t2', abort.signal)];
    for (const listener of [mine, other]) await listener.next();
    const woken: string[] = [];
    void mine.next().then(() => woken.push('t1'));
    void other.next().then(() => woken.push('t2'));
    notify('t1');
    await tick();
    expect(woken).toEqual(['t1']);
    expect(database.reads).toBe(0);
    await jest.advanceTimersByTimeAsync(INTERVAL_MS * 9);
    expect(database.reads).toBe(1);
    expect(woken).toEqual(['t1', 't2']);

    feed.changed('t3');
    expect(published).toEqual(['t3']);
    feed.close();
    expect(subscribed).toBe(false);
  });

  test('closing ends every listener', async () => {
    const { feed } = createFixture();
    const listener = feed.listen('t1', new AbortController().signal);
    await settled(listener);
    const next = listener.next();
    feed.close();
    expect((await next).done).toBe(true);
    expect(jest.getTimerCount()).toBe(0);
  });
});
