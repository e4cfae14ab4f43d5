import { endOfRun } from '../../../activities/watch-run.ts';
import { type Completion, RUN_EXIT_CAUSES, type RunExitCause } from '../../../tasks/run.ts';

const completion = (outcome: Completion['outcome']): Completion => ({
  outcome,
  reason: null,
  detail: 'of the run',
  exit_code: 0,
  artifacts: [],
});
const exit = (cause: RunExitCause) => ({ exitCode: 0, cause, detail: 'of the runner' });

const EXPECTED: Readonly<Record<RunExitCause, object>> = {
  finished: { state: 'lost', interrupted: false },
  lost: { state: 'lost', interrupted: false },
  stopped: { state: 'lost', interrupted: true },
  evicted: { state: 'lost', interrupted: false, reason: 'EVICTED' },
  out_of_memory: { state: 'failed', reason: 'OUT_OF_MEMORY', detail: 'of the runner It happened in set-up.' },
  timed_out: { state: 'failed', reason: 'TIMED_OUT' },
  disk_full: { state: 'failed', reason: 'DISK_FULL' },
  isolation: { state: 'failed', reason: 'ISOLATION_UNAVAILABLE' },
  image_pull: { state: 'failed', reason: 'IMAGE_PULL' },
  refused: { state: 'failed', reason: 'RUN_REFUSED' },
  unschedulable: { state: 'failed', reason: 'UNSCHEDULABLE' },
  not_started: { state: 'failed', reason: 'RUN_NOT_STARTED' },
};

it.each(RUN_EXIT_CAUSES)('gives the end of a run without a completion: %s', (cause) => {
  expect(endOfRun(null, exit(cause), 'setup')).toMatchObject(EXPECTED[cause]);
});

it.each(RUN_EXIT_CAUSES)('takes the word of the gateway over whatever the runner saw: %s', (cause) => {
  expect(endOfRun(completion('succeeded'), exit(cause), 'closed')).toEqual({ state: 'succeeded', exit_code: 0, detail: 'of the run' });
  expect(endOfRun(completion('failed'), exit(cause), 'closed')).toEqual({ state: 'failed', reason: 'AGENT_FAILED', detail: 'of the run' });
});

it('resumes an interrupted run without counting it, but not one that is evicted', () => {
  expect(endOfRun(completion('interrupted'), exit('finished'), 'agent')).toMatchObject({ state: 'lost', interrupted: true });
  expect(endOfRun(completion('interrupted'), exit('evicted'), 'agent')).toMatchObject({ state: 'lost', interrupted: false });
});
