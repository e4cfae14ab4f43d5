import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { createEventPrinter } from '../../../cli/event-printer.ts';
import type { EventView } from '../../../tasks/event-view.ts';

const AT = '2026-01-01T00:00:00.000Z';
const LATER = '2026-01-01T00:00:02.500Z';

type Data = Pick<EventView, 'type' | 'data'>;

/** What a stream that is no terminal gets to see. */
const printed = async (...events: readonly (Data & { readonly at?: string })[]): Promise<string> => {
  const stream = new PassThrough();
  const show = createEventPrinter(stream as unknown as NodeJS.WriteStream);
  for (const [index, event] of events.entries()) show({ id: index + 1, at: AT, run_id: null, ...event } as unknown as EventView);
  stream.end();
  return text(stream);
};
const status = (phase: string, rest: object = {}): Data =>
  ({ type: 'status', data: { status: 'PROCESSING', phase, waiting_for: null, failure: null, ...rest } }) as Data;
const log = (words: string): Data => ({ type: 'log', data: { stream: 'agent', text: words } }) as Data;

test('phases are told once, with the time since the first event', async () => {
  const lines = (await printed(status('RUNNING_AGENT'), status('RUNNING_AGENT'), { ...status('VERIFYING'), at: LATER }))
    .trimEnd()
    .split('\n');
  expect(lines).toEqual([expect.stringMatching(/^▸ RUNNING_AGENT +\+0\.0 s$/), expect.stringMatching(/^▸ VERIFYING +\+2\.5 s$/)]);
});

test('what a task waits for, and why it failed, is told', async () => {
  const shown = await printed(
    status('RUNNING_AGENT', { waiting_for: 'slot' }),
    status('RUNNING_AGENT', { status: 'FAILED', phase: null, failure: { reason: 'TIMED_OUT', detail: 'too \u001b[2Jlong' } }),
  );
  expect(shown).toContain('RUNNING_AGENT (waiting for slot)');
  expect(shown).toContain('  TIMED_OUT: too ?[2Jlong\n');
});

test('a log that comes in pieces keeps its lines, and another event starts a line of its own', async () => {
  expect(await printed(log('one\ntw'), log('o\nhalf'), status('COLLECTING'))).toMatch(
    /^agent │ one\nagent │ two\nagent │ half\n▸ COLLECTING/,
  );
});

test("a run's output can not steer the terminal", async () => {
  expect(await printed(log('\u001b]0;title\u0007\rover\u009b2J\n'))).toBe('agent │ ?]0;title??over?2J\n');
});
