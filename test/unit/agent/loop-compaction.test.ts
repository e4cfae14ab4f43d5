import fc from 'fast-check';
import { compact, estimateTokens } from '../../../agent/compaction.ts';
import type { Message } from '../../../agent/model/conversation.ts';
import { createRepetition } from '../../../agent/repetition.ts';
import { clip } from '../../../agent/tools/output-window.ts';

const opening: readonly Message[] = [
  { role: 'system', content: 'system '.repeat(50) },
  { role: 'user', content: '# AGENTS.md instructions for .' },
  { role: 'user', content: 'the task '.repeat(50) },
];

const round = (index: number, observationChars: number): Message[] => [
  {
    role: 'assistant',
    content: `step ${index}`,
    tool_calls: [{ id: `c${index}`, type: 'function', function: { name: 'shell', arguments: '{"command":"x"}' } }],
  },
  { role: 'tool', tool_call_id: `c${index}`, content: 'o'.repeat(observationChars) },
];

const historyOf = (rounds: number, observationChars: number): Message[] => [
  ...opening,
  ...Array.from({ length: rounds }, (_, index) => [
    ...round(index, observationChars),
    ...(index === 2 ? [{ role: 'user', content: 'steering' } as const] : []),
  ]).flat(),
];

test('a history that fits is the same object', () => {
  const history = historyOf(5, 100);
  expect(compact(history, 10_000)).toBe(history);
});

test('the oldest observations are shortened first, the newest stay whole', () => {
  const history = historyOf(20, 4000);
  const short = compact(history, 15_000);
  expect(short).toHaveLength(history.length);
  expect(short[4]?.content).toMatch(/^o{200}\n\[… 3800 characters left out to save space …\]$/);
  expect(short.slice(-6)).toEqual(history.slice(-6));
  expect(estimateTokens(short)).toBeLessThanOrEqual(9000);
});

test('then the oldest rounds go; what users said stays verbatim; calls keep their observations', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 10, max: 200 }),
      fc.integer({ min: 0, max: 600 }),
      fc.integer({ min: 800, max: 3000 }),
      (rounds, chars, limit) => {
        const history = historyOf(rounds, chars);
        const once = compact(history, limit);
        if (estimateTokens(history) > limit) expect(estimateTokens(once)).toBeLessThan(estimateTokens(history));
        const users = once.filter(({ role, content }) => role === 'user' && !content.startsWith('[Earlier steps'));
        expect(users).toEqual(history.filter(({ role }) => role === 'user'));
        expect(once.slice(0, 3)).toEqual(opening);
        expect(once.filter(({ content }) => content.startsWith('[Earlier steps')).length).toBeLessThanOrEqual(1);
        const calls = once.flatMap((message) => (message.role === 'assistant' ? (message.tool_calls ?? []).map(({ id }) => id) : []));
        const observed = once.flatMap((message) => (message.role === 'tool' ? [message.tool_call_id] : []));
        expect(observed).toEqual(calls);
        expect(once.at(-1)).toEqual(history.at(-1));
        expect(compact(history, limit)).toEqual(once);
      },
    ),
  );
});

test('compacting again and again leaves one note, in its place', () => {
  let history: readonly Message[] = historyOf(30, 300);
  for (let index = 30; index < 60; index++) history = compact([...history, ...round(index, 300)], 1200);
  expect(history.flatMap(({ content }, index) => (content.startsWith('[Earlier steps') ? [index] : []))).toEqual([3]);
  expect(estimateTokens(history)).toBeLessThanOrEqual(1200);
});

test('repetition: a nudge at three in a row, an end at six, and another step starts anew', () => {
  const judge = createRepetition();
  expect(['a', 'a', 'b', 'a', 'a', 'a', 'a', 'a', 'a'].map(judge)).toEqual([
    ...(['fine', 'fine', 'fine', 'fine', 'fine', 'nudge', 'fine', 'fine', 'stuck'] as const),
  ]);
});

describe('the output window', () => {
  test('is whole below 10,000 characters and exact above', () => {
    expect(clip('x'.repeat(9999))).toBe('x'.repeat(9999));
    const long = `${'h'.repeat(5000)}${'m'.repeat(1)}${'t'.repeat(5000)}`;
    expect(clip(long)).toBe(`${'h'.repeat(5000)}\n… 1 characters left out …\n${'t'.repeat(5000)}`);
  });

  test('any text: head, true count, tail', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10_000, max: 40_000 }), (length) => {
        const text = Array.from({ length }, (_, index) => String.fromCharCode(97 + (index % 26))).join('');
        expect(clip(text)).toBe(`${text.slice(0, 5000)}\n… ${length - 10_000} characters left out …\n${text.slice(-5000)}`);
      }),
      { numRuns: 50 },
    );
  });
});
