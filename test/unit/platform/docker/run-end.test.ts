import { observationOf, type SeenPart, type SeenRun } from '../../../../platform/docker/run-end.ts';
import type { RunObservation } from '../../../../tasks/run.ts';

/** What the engine says, cut to what is judged; test/docker/failures.test.ts meets the real one. */
const T0 = 1_000_000;
const START_MS = 120_000;
const fresh = { exitCode: 0, oomKilled: false, error: '', endedAt: 0 } as const;
const running = (part: SeenPart['part']): SeenPart => ({ ...fresh, part, state: 'running' });
const created = (part: SeenPart['part'], error = ''): SeenPart => ({ ...fresh, part, state: 'created', error });
const ended = (part: SeenPart['part'], exitCode: number, oomKilled = false): SeenPart => ({
  ...fresh,
  part,
  state: 'exited',
  exitCode,
  oomKilled,
  endedAt: T0,
});
const run = (parts: readonly SeenPart[], change: Partial<SeenRun> = {}): SeenRun => ({
  parts: [ended('folders', 0), ...parts],
  createdAt: T0,
  deadline: T0 + 3_600_000,
  words: '',
  lastLines: '',
  ...change,
});
const others = [running('disk'), running('tools'), running('agent')];
const words = (cause: string, exitCode: number | null = 0) => JSON.stringify({ exitCode, cause, detail: 'said so' });
const exited = (cause: string, exitCode: number | null, detail: unknown = expect.any(String)) => ({
  state: 'exited',
  exit: { cause, exitCode, detail },
});

test.each<[string, SeenRun | null, number, RunObservation | object]>([
  ['nothing', null, 0, { state: 'absent' }],
  ['all of it runs', run([...others, running('sidecar')]), 5_000, { state: 'running' }],
  ['being started', run([...others, created('sidecar')]), 5_000, { state: 'running' }],
  ['half-made, not for long', run([]), 5_000, { state: 'running' }],
  [
    'never started',
    run([created('agent', 'no such program'), created('sidecar')]),
    START_MS,
    exited('not_started', null, expect.stringContaining('no such program')),
  ],
  ['a good end', run([...others, ended('sidecar', 0)], { words: words('finished') }), 0, exited('finished', 0, 'said so')],
  ['a good end without a word', run([...others, ended('sidecar', 0)]), 0, exited('finished', 0, '')],
  ['words that are none', run([...others, ended('sidecar', 0)], { words: 'hello' }), 0, exited('finished', 0, '')],
  [
    'a sidecar that says why',
    run([...others, ended('sidecar', 1)], { words: words('isolation', 1) }),
    0,
    exited('isolation', 1, 'said so'),
  ],
  ['stopped', run([...others, ended('sidecar', 143)], { words: words('stopped', null) }), 0, exited('stopped', null)],
  [
    'crashed',
    run([...others, ended('sidecar', 64)], { lastLines: 'no order' }),
    0,
    exited('finished', 64, expect.stringContaining('no order')),
  ],
  ['a starved sidecar', run([...others, ended('sidecar', 137, true)]), 0, exited('out_of_memory', 137, expect.stringContaining('sidecar'))],
  [
    'a starved agent, of which the sidecar only saw the death',
    run([running('disk'), running('tools'), ended('agent', 137, true), ended('sidecar', 1)], { words: words('lost', null) }),
    0,
    exited('out_of_memory', 137, expect.stringContaining('container agent')),
  ],
  [
    'a killed command of a run that ended well',
    run([ended('agent', 0, true), ended('sidecar', 0)], { words: words('finished') }),
    0,
    exited('finished', 0),
  ],
  [
    'a dead part, while the sidecar may still say why',
    run([ended('agent', 137), running('tools'), running('sidecar')]),
    19_000,
    { state: 'running' },
  ],
  [
    'a dead part, and a sidecar that says nothing',
    run([ended('agent', 137), running('tools'), running('sidecar')]),
    20_000,
    exited('lost', null, expect.stringContaining('137')),
  ],
  [
    'a part that ended well while the sidecar goes on',
    run([ended('tools', 0), running('agent'), running('sidecar')]),
    60_000,
    { state: 'running' },
  ],
  ['full folders', run([ended('disk', 75), running('tools'), running('agent'), running('sidecar')]), 0, exited('disk_full', null)],
  [
    'full folders, of which the sidecar died',
    run([ended('disk', 75), ended('sidecar', 1)], { words: words('finished', 1) }),
    0,
    exited('disk_full', null),
  ],
  ['past its deadline', run([...others, running('sidecar')], { deadline: T0 + 10 }), 11, exited('timed_out', null)],
  [
    'past its deadline, but over by itself',
    run([...others, ended('sidecar', 0)], { deadline: T0 + 10, words: words('finished') }),
    11,
    exited('finished', 0),
  ],
])('%s', (_, seen, afterMs, expected) => {
  expect(observationOf(seen, START_MS, T0 + afterMs)).toEqual(expected);
});
