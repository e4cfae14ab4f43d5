import { until } from '../../support/until.ts';
import type { Deployed } from './deployed.ts';
import { inTurns, repositoryWith, shell, submit, taskWhen } from './tasks.ts';

/** A task that stands still in one of its phases. */
export interface StoppedTask {
  readonly taskId: string;
  /** Whether it has a run by now. */
  readonly hasRun: boolean;
  /** Lets it go on to its end. */
  go(): Promise<void>;
}

const WAIT = 'until [ -e "$HOME/go" ]; do sleep 0.1; done';
export const CHANGE = shell('echo changed > changed.txt');
export const DONE = { text: 'Done.' };

/** Waits for a word in the task's output, and lets the program that said it go on. */
const untilSaid = async (system: Deployed, taskId: string, word: string): Promise<StoppedTask> => {
  await until(`${taskId} says ${word}`, async () => (await system.client.logs(taskId)).includes(word), 90_000);
  const go = async (): Promise<void> => {
    await system.runs.exec(await system.runs.running(taskId), 'agent', 'touch /app/home/go');
  };
  return { taskId, hasRun: true, go };
};

type Stop = (system: Deployed) => Promise<StoppedTask>;

/** By its phase: a task that changes one file, and how it comes to stand still. */
export const STOPS = {
  'while its code is fetched from the git server': async (system) => {
    const url = await repositoryWith(system, {});
    const held = system.gitGate.hold(new URL(url).pathname);
    const { id } = await submit(system, inTurns(CHANGE, DONE), { url });
    await held.asked;
    return { taskId: id, hasRun: false, go: async () => held.release() };
  },
  'in its set-up script': async (system) => {
    const url = await repositoryWith(system, { 'setup.sh': `echo set-up waits\n${WAIT}\n` });
    const { id } = await submit(system, inTurns(CHANGE, DONE), { url });
    await taskWhen(system, id, 'is in set-up', ({ phase }) => phase === 'SETTING_UP');
    return untilSaid(system, id, 'set-up waits');
  },
  'in a turn of the model': async (system) => {
    const asked = Promise.withResolvers<void>();
    const open = Promise.withResolvers<void>();
    const turns = inTurns(CHANGE, DONE);
    const { id } = await submit(system, async (request, index) => {
      if (request.body.messages.some(({ role }) => role === 'tool')) {
        asked.resolve();
        await open.promise;
      }
      return turns(request, index);
    });
    await taskWhen(system, id, 'is at work', ({ phase }) => phase === 'RUNNING_AGENT');
    await asked.promise;
    return { taskId: id, hasRun: true, go: async () => open.resolve() };
  },
  'in a command of the agent': async (system) => {
    const { id } = await submit(system, inTurns(shell(`echo changed > changed.txt; touch "$HOME/waits"; ${WAIT}`), DONE));
    const pod = await system.runs.running(id);
    await until('the command waits', () => system.runs.exec(pod, 'agent', 'ls /app/home').then((names) => names.includes('waits')), 90_000);
    return { taskId: id, hasRun: true, go: async () => void (await system.runs.exec(pod, 'agent', 'touch /app/home/go')) };
  },
  'while its change is verified': async (system) => {
    const { id } = await submit(system, inTurns(CHANGE, DONE), { verify: { command: `echo verify waits; ${WAIT}` } });
    await taskWhen(system, id, 'is being verified', ({ phase }) => phase === 'VERIFYING');
    return untilSaid(system, id, 'verify waits');
  },
} as const satisfies Readonly<Record<string, Stop>>;

/** A task in each of the phases. */
export const stopInEveryPhase = async (system: Deployed): Promise<readonly StoppedTask[]> => {
  const stopped: StoppedTask[] = [];
  // One after the other: a run that shares two cores with three that begin may begin too late.
  for (const stop of Object.values<Stop>(STOPS)) stopped.push(await stop(system));
  return stopped;
};
