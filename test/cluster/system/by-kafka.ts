import { CodebayError } from '../../../sdk/index.ts';
import { taskIdOfMessage } from '../../../tasks/task-message.ts';
import { taskResultSchema } from '../../../tasks/task-result.ts';
import { produce, readTopic } from '../../support/kafka-topic.ts';
import { until } from '../../support/until.ts';
import { inSystem } from './in-system.ts';
import { diffOf, finished, inTurns, repositoryWith, shell, untilNothingLeft } from './tasks.ts';

export const byKafka = (): void =>
  inSystem('a task that comes in by Kafka comes out COMPLETED, and its result goes out by Kafka', async (system) => {
    const { kafka, scripts } = system.beside;
    const id = crypto.randomUUID();
    const mark = scripts.add(inTurns(shell('echo changed > changed.txt'), { text: 'Done.' }));
    const source = { type: 'git', url: await repositoryWith(system, {}) };
    await produce(kafka.client, 'codex-tasks', [{ value: JSON.stringify({ id, source, prompt: `Mend the project (${mark})` }) }]);

    const taskId = taskIdOfMessage('default', id);
    await until('the message has been taken', () =>
      system.client.get(taskId).catch((error: unknown) => {
        if (error instanceof CodebayError && error.problem.code === 'NOT_FOUND') return null;
        throw error;
      }),
    );
    const task = await finished(system, taskId);
    expect(task).toMatchObject({ status: 'COMPLETED', failure: null });
    expect(await diffOf(system, taskId)).toContain('+changed\n');

    const results = await until('the result has gone out', async () => {
      const all = (await readTopic(kafka.client, 'codex-results')).map(({ value }) => taskResultSchema.parse(JSON.parse(value ?? '')));
      const own = all.filter((result) => result.task_id === taskId);
      return own.length > 0 && own;
    });
    expect(new Set(results.map(({ event_id }) => event_id)).size).toBe(1);
    expect(results[0]).toMatchObject({ status: 'COMPLETED', commit: task.commit, owner: 'default' });
    expect(results[0]?.artifacts.map(({ name }) => name).sort()).toEqual(task.artifacts.map(({ name }) => name).sort());
    await untilNothingLeft(system, taskId);
  });
