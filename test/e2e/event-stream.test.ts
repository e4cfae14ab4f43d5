import { isTerminal } from '../../tasks/status.ts';
import { openTaskBench } from '../support/e2e-task.ts';
import { createEventFollower } from '../support/event-follower.ts';
import { createHeldTurns } from '../support/held-turns.ts';
import type { Answer } from '../support/scripted-model.ts';
import { expectSettled } from '../support/settled.ts';
import { until } from '../support/until.ts';

const shell = (command: string): Answer => ({ calls: [{ name: 'shell', arguments: { command } }] });

test('a client that follows a task over two deaths of the API sees every event once, in order, up to the last', async () => {
  const turns = createHeldTurns([
    shell('for line in 1 2 3 4 5; do echo "early $line"; done'),
    shell('echo in the middle'),
    shell('for line in 1 2 3 4 5; do echo "late $line"; done'),
    { text: 'Done.' },
  ]);
  await using bench = await openTaskBench(turns.script);
  turns.hold(1);
  turns.hold(2);
  const { id } = await bench.submit();
  const leaving = new AbortController();
  const { seen, streams, follow } = createEventFollower(`${bench.station.url}/v1/tasks/${id}/events`, bench.station.apiKey, leaving.signal);
  using _end = { [Symbol.dispose]: () => leaving.abort() };
  const following = follow();

  for (const turn of [1, 2]) {
    await turns.untilAsked(turn);
    await until('the client has seen all answered turns', () => seen.filter(({ event }) => event.type === 'model_turn').length === turn);
    const broken = streams.broken;
    expect(bench.station.kill('api')).toBe(true);
    await until('the client has lost its stream', () => streams.broken > broken);
    await turns.untilAsked(turn, 2);
    turns.release(turn);
  }
  await following;

  expect(turns.violations).toEqual([]);
  expect(seen.map(({ id }) => Number(id))).toEqual(seen.map((_, index) => index + 1));
  const ends = seen.filter(({ event }) => event.type === 'status' && isTerminal(event.data.status));
  expect(ends).toEqual([seen.at(-1)]);
  expect(streams).toMatchObject({ begun: 3, ended: 1 });
  await expectSettled(bench, id, 'COMPLETED');
  const stored = [];
  for await (const event of bench.client.events(id)) stored.push(event);
  expect(seen).toEqual(stored.map((event) => ({ id: String(event.seq), event })));
}, 90_000);
