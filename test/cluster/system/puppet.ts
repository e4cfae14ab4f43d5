import type { V1Pod } from '@kubernetes/client-node';
import type { TaskView } from '../../../tasks/task-view.ts';
import { type Answer, lastContent, type ModelScript } from '../../support/scripted-model.ts';
import type { Deployed } from './deployed.ts';
import { finished, shell, submit } from './tasks.ts';

/** A task whose agent does what the test says, one command after the other. */
export interface Puppet {
  readonly taskId: string;
  /** Of its run. */
  readonly pod: V1Pod;
  /** Runs a shell command as the agent; what the model is told of it. Throws where the task ends instead. */
  run(command: string): Promise<string>;
  /** Lets the agent say that it is done; the task when it has finished. */
  end(): Promise<TaskView>;
}

export const startPuppet = async (system: Deployed, task?: Parameters<typeof submit>[2]): Promise<Puppet> => {
  const turns: { readonly order: PromiseWithResolvers<Answer>; readonly observed: PromiseWithResolvers<string> }[] = [];
  const at = (turn: number) => {
    turns[turn] ??= { order: Promise.withResolvers(), observed: Promise.withResolvers() };
    return turns[turn];
  };
  const script: ModelScript = (request) => {
    const turn = request.body.messages.filter(({ role }) => role === 'tool').length;
    if (turn > 0) at(turn - 1).observed.resolve(lastContent(request));
    return at(turn).order.promise;
  };
  const { id } = await submit(system, script, task);
  const pod = await system.runs.running(id);
  const ended = finished(system, id);
  const tooSoon = ended.then(({ failure }) => Promise.reject(new Error(`task ${id} ended before its test: ${JSON.stringify(failure)}`)));
  tooSoon.catch(() => undefined);
  let next = 0;
  return {
    taskId: id,
    pod,
    run: (command) => {
      const { order, observed } = at(next++);
      order.resolve(shell(command));
      return Promise.race([observed.promise, tooSoon]);
    },
    end: () => {
      at(next).order.resolve({ text: 'Done.' });
      return ended;
    },
  };
};
