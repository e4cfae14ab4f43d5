import { jobSchema, podSchema } from '../../../../platform/kubernetes/objects.ts';
import { isWithoutPod, observationOf } from '../../../../platform/kubernetes/run-end.ts';
import type { RunObservation } from '../../../../tasks/run.ts';

/** Shapes as an API server (1.34) answers them, written by hand and cut to what is judged; test/cluster/runner meets the real ones. */
const CREATED = '2026-11-24T10:00:00Z';
const T0 = Date.parse(CREATED);
const MIN = 60_000;
const bounds = { pendingMs: 10 * MIN, startMs: 2 * MIN };
const metadata = { name: 't-a1', uid: 'u1', resourceVersion: '7', creationTimestamp: CREATED, labels: { 'codebay.dev/run': 't-a1' } };

const job = (...conditions: readonly object[]) => jobSchema.parse({ metadata, spec: {}, status: { conditions } });
const condition = (type: string, reason: string, message = '') => ({ type, status: 'True', reason, message, lastTransitionTime: CREATED });
const SCHEDULED = { type: 'PodScheduled', status: 'True', lastTransitionTime: CREATED };

const running = (name: string) => ({ name, state: { running: { startedAt: CREATED } } });
const ended = (name: string, exitCode: number, reason = exitCode === 0 ? 'Completed' : 'Error', message?: string) => ({
  name,
  state: { terminated: { exitCode, reason, message, startedAt: CREATED, finishedAt: CREATED } },
});
const waiting = (name: string, reason: string, message = 'why') => ({ name, state: { waiting: { reason, message } } });

interface PodFacts {
  readonly phase?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly conditions?: readonly object[];
  readonly containers?: readonly object[];
  readonly deletionTimestamp?: string;
}
const pod = ({ containers = [], conditions = [SCHEDULED], deletionTimestamp, ...status }: PodFacts) =>
  podSchema.parse({
    metadata: { ...metadata, deletionTimestamp },
    status: { phase: 'Running', ...status, conditions, containerStatuses: containers },
  });

const all = [running('sidecar'), running('agent'), running('tools')];
const withSidecar = (sidecar: object, agent: object = running('agent')) => [sidecar, agent, running('tools')];
const exited = (exit: Partial<Extract<RunObservation, { state: 'exited' }>['exit']>) => ({ state: 'exited', exit });
const words = (cause: string, exitCode: number | null = 0) => JSON.stringify({ exitCode, cause, detail: 'said so' });

type Row = readonly [what: string, job: ReturnType<typeof job> | null, pod: PodFacts | null, afterMs: number, expected: object];

const disruption = (reason: string) => condition('DisruptionTarget', reason, 'drained');
const LONG_AGO = '2026-11-24T09:00:00Z';

const rows: readonly Row[] = [
  ['nothing at all', null, null, 0, { state: 'absent' }],
  ['a Job alone, so far', job(), null, 1, { state: 'running' }],
  ['all parts at work', job(), { containers: all }, 60 * MIN, { state: 'running' }],
  ['a pod whose Job is gone', null, { containers: all, deletionTimestamp: CREATED }, 1, { state: 'running' }],

  [
    'a sidecar that ended well, while others live',
    job(),
    { containers: withSidecar(ended('sidecar', 0)) },
    1,
    exited({ cause: 'finished', exitCode: 0 }),
  ],
  [
    'a sidecar with last words',
    job(),
    { containers: withSidecar(ended('sidecar', 1, 'Error', words('isolation', 1))) },
    1,
    exited({ cause: 'isolation', detail: 'said so' }),
  ],
  [
    'a sidecar that crashed',
    job(),
    { containers: withSidecar(ended('sidecar', 1, 'Error', 'TypeError: x')) },
    1,
    exited({ cause: 'finished', exitCode: 1, detail: 'The sidecar ended with exit code 1. TypeError: x' }),
  ],
  [
    'a sidecar that was told to end',
    job(),
    { containers: withSidecar(ended('sidecar', 143)) },
    1,
    exited({ cause: 'finished', exitCode: 143 }),
  ],

  [
    'the sidecar out of memory',
    job(),
    { containers: withSidecar(ended('sidecar', 137, 'OOMKilled')) },
    1,
    exited({ cause: 'out_of_memory', exitCode: 137, detail: expect.stringContaining('container sidecar') }),
  ],
  [
    'the agent out of memory, after which the sidecar gave up',
    job(),
    { containers: withSidecar(ended('sidecar', 1, 'Error', words('lost', 1)), ended('agent', 137, 'OOMKilled')) },
    1,
    exited({ cause: 'out_of_memory', detail: expect.stringContaining('container agent') }),
  ],
  [
    'a command out of memory in a part that ended well',
    job(),
    { containers: withSidecar(ended('sidecar', 0), ended('agent', 0, 'OOMKilled')) },
    1,
    exited({ cause: 'finished', exitCode: 0 }),
  ],
  [
    'the agent out of memory, while the sidecar may still say so',
    job(),
    { containers: withSidecar(running('sidecar'), ended('agent', 137, 'OOMKilled')) },
    19_000,
    { state: 'running' },
  ],
  [
    'the agent out of memory, and a sidecar that hangs',
    job(),
    { containers: withSidecar(running('sidecar'), ended('agent', 137, 'OOMKilled')) },
    21_000,
    exited({ cause: 'out_of_memory' }),
  ],
  [
    'a dead agent, and a sidecar that hangs',
    job(),
    { containers: withSidecar(running('sidecar'), ended('agent', 1)) },
    21_000,
    exited({ cause: 'lost', detail: expect.stringContaining('exit code 1') }),
  ],
  [
    'an agent that ended well, and a sidecar that uploads',
    job(),
    { containers: withSidecar(running('sidecar'), ended('agent', 0)) },
    60 * MIN,
    { state: 'running' },
  ],

  [
    'an evicted pod whose program ended well',
    job(),
    { phase: 'Succeeded', containers: [ended('sidecar', 0)], conditions: [SCHEDULED, disruption('EvictionByEvictionAPI')] },
    1,
    exited({ cause: 'evicted', exitCode: null, detail: expect.stringContaining('EvictionByEvictionAPI') }),
  ],
  [
    'a preempted pod',
    job(),
    { phase: 'Failed', containers: [ended('sidecar', 143)], conditions: [disruption('PreemptionByScheduler')] },
    1,
    exited({ cause: 'evicted' }),
  ],
  [
    'a node under pressure',
    job(),
    {
      phase: 'Failed',
      reason: 'Evicted',
      message: 'The node was low on resource: memory.',
      conditions: [disruption('TerminationByKubelet')],
    },
    1,
    exited({ cause: 'evicted' }),
  ],
  [
    'an evicted pod that still saves its checkpoint',
    job(),
    { containers: all, conditions: [SCHEDULED, disruption('EvictionByEvictionAPI')], deletionTimestamp: '2026-11-24T10:00:10Z' },
    9_000,
    { state: 'running' },
  ],
  [
    'a condition that is not true',
    job(),
    { phase: 'Succeeded', containers: [ended('sidecar', 0)], conditions: [{ ...disruption('x'), status: 'False' }] },
    1,
    exited({ cause: 'finished' }),
  ],
  [
    'a volume over its limit',
    job(),
    {
      phase: 'Failed',
      reason: 'Evicted',
      message: 'Usage of EmptyDir volume "code" exceeds the limit "1Mi".',
      containers: [ended('sidecar', 137)],
    },
    1,
    exited({ cause: 'disk_full', detail: 'Usage of EmptyDir volume "code" exceeds the limit "1Mi".' }),
  ],
  [
    'a lost node',
    job(),
    { containers: all, conditions: [SCHEDULED, disruption('DeletionByTaintManager')], deletionTimestamp: CREATED },
    31_000,
    exited({ cause: 'evicted', detail: expect.stringContaining('node is lost') }),
  ],
  [
    'a pod that a node turned away',
    job(),
    { phase: 'Failed', reason: 'OutOfmemory', message: 'Node did not have enough resource', conditions: [] },
    1,
    exited({ cause: 'lost', detail: expect.stringContaining('OutOfmemory') }),
  ],

  [
    'an image that is being pulled again',
    job(),
    { phase: 'Pending', containers: withSidecar(waiting('sidecar', 'ContainerCreating'), waiting('agent', 'ImagePullBackOff')) },
    MIN,
    { state: 'running' },
  ],
  [
    'an image that is not to be had',
    job(),
    { phase: 'Pending', containers: withSidecar(running('sidecar'), waiting('agent', 'ErrImagePull', 'not found')) },
    3 * MIN,
    exited({ cause: 'image_pull', detail: 'ErrImagePull for the agent or its set-up (container agent): not found' }),
  ],
  [
    'an image without a name',
    job(),
    { phase: 'Pending', containers: withSidecar(running('sidecar'), waiting('agent', 'InvalidImageName')) },
    1,
    exited({ cause: 'image_pull' }),
  ],
  [
    'an image that would run as root',
    job(),
    {
      phase: 'Pending',
      containers: withSidecar(
        running('sidecar'),
        waiting('agent', 'CreateContainerConfigError', 'container has runAsNonRoot and image will run as root'),
      ),
    },
    3 * MIN,
    exited({ cause: 'not_started', detail: expect.stringContaining('runAsNonRoot') }),
  ],
  [
    'an image without the program to run',
    job(),
    { containers: withSidecar(running('sidecar'), ended('agent', 128, 'StartError', 'exec: "/bin/sh": no such file')) },
    1,
    exited({ cause: 'not_started', detail: expect.stringContaining('no such file') }),
  ],
  [
    'a container that is made for long, without complaint',
    job(),
    { phase: 'Pending', containers: [waiting('sidecar', 'ContainerCreating')] },
    9 * MIN,
    { state: 'running' },
  ],
  [
    'no room, for a while',
    job(),
    {
      phase: 'Pending',
      conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes', lastTransitionTime: CREATED }],
    },
    9 * MIN,
    { state: 'running' },
  ],
  [
    'no room, for too long',
    job(),
    {
      phase: 'Pending',
      conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes', lastTransitionTime: CREATED }],
    },
    11 * MIN,
    exited({ cause: 'unschedulable', detail: 'No node takes the run: 0/3 nodes' }),
  ],

  ["the Job's deadline, pod gone", job(condition('FailureTarget', 'DeadlineExceeded')), null, 1, exited({ cause: 'timed_out' })],
  [
    "the Job's deadline, and a sidecar that ended for it",
    job(condition('FailureTarget', 'DeadlineExceeded')),
    { containers: withSidecar(ended('sidecar', 143)), deletionTimestamp: CREATED },
    1,
    exited({ cause: 'timed_out' }),
  ],
  [
    "the Job's deadline, and a sidecar that saves its checkpoint",
    job(condition('FailureTarget', 'DeadlineExceeded')),
    { containers: all, deletionTimestamp: CREATED },
    1,
    { state: 'running' },
  ],
  [
    'a pod that somebody deleted',
    job(condition('Failed', 'BackoffLimitExceeded', 'Job has reached the specified backoff limit')),
    null,
    1,
    exited({ cause: 'lost', detail: expect.stringContaining('BackoffLimitExceeded') }),
  ],
  [
    'a finished Job whose pod is gone',
    job(condition('Complete', 'CompletionsReached')),
    null,
    1,
    exited({ cause: 'finished', exitCode: 0 }),
  ],
  ['a Job that is no longer suspended', job({ ...condition('Failed', 'x'), status: 'False' }), null, 1, { state: 'running' }],
];

it.each(rows)('judges %s', (_what, givenJob, facts, afterMs, expected) => {
  const seen = { job: givenJob, pod: facts === null ? null : pod(facts) };
  expect(observationOf(seen, bounds, T0 + afterMs)).toMatchObject(expected);
});

it('asks the events only about a Job that has had its time and neither pod nor end', () => {
  const late = T0 + 3 * MIN;
  expect(isWithoutPod({ job: job(), pod: null }, bounds, late)).toBe(true);
  expect(isWithoutPod({ job: job(), pod: null }, bounds, T0 + MIN)).toBe(false);
  expect(isWithoutPod({ job: job(), pod: pod({}) }, bounds, late)).toBe(false);
  expect(isWithoutPod({ job: job(condition('Failed', 'x')), pod: null }, bounds, late)).toBe(false);
  expect(isWithoutPod({ job: null, pod: null }, bounds, late)).toBe(false);
  const deleted = jobSchema.parse({ metadata: { ...metadata, deletionTimestamp: LONG_AGO }, status: {} });
  expect(isWithoutPod({ job: deleted, pod: null }, bounds, late)).toBe(false);
});
