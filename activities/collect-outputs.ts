import { Readable } from 'node:stream';
import { Context } from '@temporalio/activity';
import { type Artifact, type ArtifactName, RUN_ARTIFACTS } from '../tasks/artifacts.ts';
import { artifactKey, runBlobKey } from '../tasks/object-keys.ts';
import type { EventLog } from '../tasks/ports/event-log.ts';
import type { Ledger } from '../tasks/ports/ledger.ts';
import type { ObjectStore } from '../tasks/ports/object-store.ts';
import type { RunStore } from '../tasks/ports/run-store.ts';
import type { TaskStore } from '../tasks/ports/task-store.ts';
import type { RunRecord } from '../tasks/run.ts';
import type { TaskRecord } from '../tasks/task.ts';
import type { OutputActivities, TaskEnding } from './contract.ts';
import { logText } from './log-text.ts';
import { messagesOf, salvagedExplanation } from './salvage.ts';

interface CollectOutputsDeps {
  readonly tasks: TaskStore;
  readonly runs: RunStore;
  readonly events: EventLog;
  readonly ledger: Ledger;
  readonly objects: ObjectStore;
}

type Content = () => Promise<Readable | null> | Readable | null;

const LOG_STREAM_OF = { 'setup.log': 'setup', 'agent.log': 'agent', 'verify.log': 'verify' } as const;

const resultOf = (task: TaskRecord, ending: TaskEnding, runs: readonly RunRecord[], usage: object): string =>
  `${JSON.stringify(
    {
      task_id: task.id,
      status: ending.status,
      failure: ending.failure,
      verification: ending.verification,
      commit: task.commit,
      mode: task.spec.mode,
      usage,
      runs: runs.map(({ id, completion }) => ({ run_id: id, outcome: completion?.outcome ?? null, detail: completion?.detail ?? null })),
    },
    null,
    2,
  )}\n`;

/** Turns what the runs left, which is untrusted, into the task's artifacts. Only this writes below `logs/<task>/`. */
export const createCollectOutputs = ({ tasks, runs, events, ledger, objects }: CollectOutputsDeps): OutputActivities['collectOutputs'] => {
  const blob = async (run: string, sha256: string) => (await objects.get(runBlobKey(run, sha256)))?.body ?? null;

  /** Where each artifact comes from; a later entry of the same name is not looked at when an earlier one had something. */
  const contentsOf = async (task: TaskRecord, ending: TaskEnding): Promise<readonly (readonly [ArtifactName, Content])[]> => {
    const all = await runs.list(task.id);
    const newestFirst = [...all].reverse();
    const agentRuns = newestFirst.filter(({ kind }) => kind === 'agent');
    const [lastAgentRun] = agentRuns;
    const checkpoint = agentRuns.find((run) => run.checkpoint !== null)?.checkpoint ?? null;
    const uploaded = (run: RunRecord | undefined, names: readonly ArtifactName[]) =>
      (run?.completion?.artifacts ?? [])
        .filter(({ name }) => names.includes(name))
        .map(({ name, sha256 }): readonly [ArtifactName, Content] => [name, () => blob(run?.id ?? '', sha256)]);
    const logs = Object.entries(LOG_STREAM_OF) as [keyof typeof LOG_STREAM_OF, (typeof LOG_STREAM_OF)[keyof typeof LOG_STREAM_OF]][];
    const resumed = agentRuns.length > 1;
    const messages = await messagesOf(objects, checkpoint);
    return [
      ['prompt.txt', () => Readable.from([task.spec.prompt])],
      // The logs of a resumed task are spread over its runs; the event log has them all.
      ...uploaded(lastAgentRun, resumed ? RUN_ARTIFACTS.filter((name) => !Object.hasOwn(LOG_STREAM_OF, name)) : RUN_ARTIFACTS),
      ...uploaded(
        newestFirst.find(({ kind }) => kind === 'verify'),
        ['verify.log'],
      ),
      ...logs.map(([name, stream]): readonly [ArtifactName, Content] => [name, () => Readable.from(logText(events, task.id, stream))]),
      ['diff.patch', () => (checkpoint?.delta ? blob(checkpoint.run_id, checkpoint.delta.sha256) : Readable.from([]))],
      ['transcript.jsonl', () => (messages.length === 0 ? null : Readable.from(messages.map((message) => `${JSON.stringify(message)}\n`)))],
      [
        'explanation.md',
        () => (all.length === 0 || ending.status === 'COMPLETED' ? null : Readable.from([salvagedExplanation(ending.failure, messages)])),
      ],
      ['result.json', async () => Readable.from([resultOf(task, ending, all, await ledger.usage(task.id))])],
    ];
  };

  return async (ending) => {
    const task = await tasks.get(ending.task_id);
    if (task === null) return { artifacts: [] };
    const artifacts = new Map<ArtifactName, Artifact>();
    for (const [name, open] of await contentsOf(task, ending)) {
      if (artifacts.has(name)) continue;
      Context.current().heartbeat(name);
      const body = await open();
      if (body === null) continue;
      const { sizeBytes, sha256 } = await objects.put(artifactKey(task.id, name), body);
      if (sizeBytes > 0 || name === 'diff.patch') artifacts.set(name, { name, size_bytes: sizeBytes, sha256 });
    }
    const manifest = [...artifacts.values()];
    await objects.put(artifactKey(task.id, 'manifest.json'), Readable.from([JSON.stringify(manifest)]));
    return { artifacts: manifest };
  };
};
