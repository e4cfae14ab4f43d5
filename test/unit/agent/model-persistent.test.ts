import { AskError } from '../../../agent/model/ask-error.ts';
import { retryAfterMs } from '../../../agent/model/classify.ts';
import { type ModelAnswer, modelRequest } from '../../../agent/model/conversation.ts';
import { createPersistentModel } from '../../../agent/model/persistent.ts';

const answer: ModelAnswer = { text: 'hi', calls: [], finish: 'stop', usage: null };

/** A model on a clock of its own: `outcomes` in order, the last one again and again. */
const asking = async (retryMs: number, ...outcomes: readonly (AskError | ModelAnswer)[]) => {
  let time = 0;
  let asked = 0;
  const delays: number[] = [];
  const model = createPersistentModel({
    attempt: async () => {
      const outcome = outcomes[Math.min(asked++, outcomes.length - 1)];
      if (outcome === undefined || outcome instanceof AskError) throw outcome;
      return outcome;
    },
    retryMs,
    now: () => time,
    random: () => 1,
    sleep: async (ms) => {
      delays.push(ms);
      time += ms;
    },
    onRetry: () => undefined,
  });
  const result = await model(modelRequest('m', [], []), new AbortController().signal).catch((error: unknown) => error);
  return { result, asked, delays };
};

test('Retry-After is honoured to the millisecond', async () => {
  const { result, delays } = await asking(600_000, new AskError('rate_limited', 'slow down', { retryAfterMs: 12_345 }), answer);
  expect(result).toBe(answer);
  expect(delays).toEqual([12_345]);
});

test('without it the delays double up to 30 s, and the last try is at the very end', async () => {
  const { result, delays } = await asking(100_000, new AskError('unavailable', 'down'));
  expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 8500]);
  expect(result).toMatchObject({ reason: 'MODEL_UNAVAILABLE', message: 'down (asked 10 times)' });
});

test('a Retry-After past the end is not waited for', async () => {
  const { result, asked, delays } = await asking(10_000, new AskError('rate_limited', 'later', { retryAfterMs: 10_001 }));
  expect({ asked, delays }).toEqual({ asked: 1, delays: [] });
  expect(result).toMatchObject({ reason: 'MODEL_RATE_LIMITED' });
});

test('an attempt that took longer than that before it broke is made again', async () => {
  let time = 0;
  let asked = 0;
  const model = createPersistentModel({
    attempt: async () => {
      asked += 1;
      if (asked > 1) return answer;
      time += 120_000;
      throw new AskError('unavailable', 'the connection broke', { retryAfterMs: 2000 });
    },
    retryMs: 60_000,
    now: () => time,
    random: () => 1,
    sleep: async (ms) => {
      time += ms;
    },
    onRetry: () => undefined,
  });
  expect(await model(modelRequest('m', [], []), new AbortController().signal)).toBe(answer);
  expect(asked).toBe(2);
});

test('three unparsable answers in a row end it, two with another fault between do not', async () => {
  const garbage = new AskError('unparsable', 'garbage');
  const down = new AskError('unavailable', 'down');
  expect(await asking(600_000, garbage)).toMatchObject({ asked: 3, result: { reason: 'MODEL_PROTOCOL' } });
  expect(await asking(600_000, garbage, garbage, down, garbage, garbage, answer)).toMatchObject({ asked: 6, result: answer });
});

test('Retry-After as seconds, as a date, in milliseconds, and nonsense', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  const of = (name: string, value: string): number | null => retryAfterMs(new Headers({ [name]: value }), now);
  expect(of('retry-after', '1.5')).toBe(1500);
  expect(of('retry-after', 'Thu, 01 Jan 2026 00:00:07 GMT')).toBe(7000);
  expect(of('retry-after', 'Wed, 31 Dec 2025 00:00:00 GMT')).toBe(0);
  expect(of('retry-after-ms', '20')).toBe(20);
  expect(of('retry-after', 'soon')).toBeNull();
  expect(retryAfterMs(undefined, now)).toBeNull();
});
