import { inSystem } from './in-system.ts';
import { inTurns, logOf, repositoryWith, runTask, shell } from './tasks.ts';

const SHOW = 'cat installed/id "$HOME/id"';

export const keptSetup = (): void =>
  inSystem('what set-up made in one pod is there in the pods after it, as set-up left it', async (system) => {
    const url = await repositoryWith(system, {
      'setup.sh': 'mkdir installed; cat /proc/sys/kernel/random/uuid | tee installed/id "$HOME/id"\n',
      '.gitignore': 'installed\n',
    });
    const live = async () => {
      const looks = inTurns(shell(`${SHOW}; echo poison | tee installed/id "$HOME/id"`), { text: 'Looked.' });
      const task = await runTask(system, looks, { url, verify: { command: SHOW } });
      expect(task).toMatchObject({ status: 'COMPLETED', verification: { status: 'passed' } });
      const setups: string[] = [];
      for await (const event of system.client.events(task.id))
        if (event.type === 'setup') setups.push(`${event.data.run_id.slice(-2)} ${event.data.change}`);
      const [id = '', ...others] = (await logOf(system, task.id, 'verify.log')).match(/[0-9a-f-]{36}/g) ?? [];
      expect(others).toEqual([id]);
      expect(await logOf(system, task.id, 'transcript.jsonl')).toContain(id);
      return { id, setups };
    };
    const first = await live();
    expect(first.setups).toEqual(['a1 allowed', 'v1 restored']);
    expect(await live()).toEqual({ id: first.id, setups: ['a1 restored', 'v1 restored'] });
  });
