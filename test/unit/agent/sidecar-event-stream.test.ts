import { createEventStream } from '../../../agent/sidecar/event-stream.ts';
import { createRunLife } from '../../../agent/sidecar/run-life.ts';
import type { RunEvents } from '../../../tasks/run-protocol.ts';

/** An event stream over a gateway that takes events only while it is open. */
const setUp = (open = true) => {
  const life = createRunLife(60_000);
  const taken: RunEvents['events'] = [];
  const gate = Promise.withResolvers<void>();
  if (open) gate.resolve();
  const report = async ({ events }: RunEvents, signal: AbortSignal) => {
    const gone = new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    await Promise.race([gate.promise, gone]);
    taken.push(...events);
  };
  const stream = createEventStream({ gateway: { report }, life, warn: () => undefined });
  return { life, taken, stream, open: gate.resolve };
};

const textOf = (events: RunEvents['events']) => events.map(({ event }) => (event.type === 'log' ? event.data.text : ''));

test('text is sent in order, numbered from 1 without a gap, in pieces of at most 16 KiB that end with lines', async () => {
  const { life, taken, stream } = setUp();
  const lines = Array.from({ length: 5000 }, (_, at) => `línea ${at}\n`).join('');
  await stream.log('agent', lines);
  stream.emit({ type: 'run', data: { run_id: 'r', change: 'ended', detail: '' } });
  await stream.close();
  life.end();
  expect(taken.map(({ source_seq }) => source_seq)).toEqual(taken.map((_, at) => at + 1));
  expect(taken.at(-1)?.event.type).toBe('run');
  expect(textOf(taken).join('')).toBe(lines);
  for (const text of textOf(taken).slice(0, -1)) {
    expect(text.endsWith('\n')).toBe(true);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(16 * 1024);
  }
});

test('a character is never cut in two, however long a line is', async () => {
  const { life, taken, stream } = setUp();
  const line = '😀'.repeat(20_000);
  await stream.log('agent', line);
  await stream.close();
  life.end();
  expect(textOf(taken).join('')).toBe(line);
  expect(textOf(taken).some((text) => !text.isWellFormed())).toBe(false);
});

test('a program that prints waits while the gateway is away, and goes on when it is back', async () => {
  const { life, taken, stream, open } = setUp(false);
  let waited = true;
  await stream.log('agent', 'x'.repeat(1024 * 1024));
  const more = stream.log('agent', 'y').then(() => {
    waited = false;
  });
  await new Promise(setImmediate);
  expect(waited).toBe(true);
  open();
  await more;
  await stream.close();
  life.end();
  expect(textOf(taken).join('')).toHaveLength(1024 * 1024 + 1);
});

test('a stop frees a program that waits', async () => {
  const { life, stream } = setUp(false);
  await stream.log('agent', 'x'.repeat(1024 * 1024));
  const more = stream.log('agent', 'y');
  life.stop('over');
  await more;
  await stream.close();
  life.end();
  expect(life.finishing.aborted).toBe(true);
});
