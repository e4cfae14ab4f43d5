import { lastContent } from '../../support/scripted-model.ts';
import { eachInSystem, inSystem } from './in-system.ts';
import { expectKeptWork } from './kept-work.ts';
import { CHANGE, DONE } from './stops.ts';
import { diffOf, inTurns, runTask, shell, untilNothingLeft } from './tasks.ts';

const HUNGER = 'tail /dev/zero';
/** Memory without an owner: of all that may be killed for it, the agent is the largest. */
const OWNERLESS = `python3 -c "
import os
held = []
while True:
  held.append(os.memfd_create('held'))
  os.posix_fallocate(held[-1], 0, 1 << 26)"`;
/** Each request is within its cap, and kept until it is its turn. */
const LARGE_REQUESTS = `
head -c 31M /dev/zero > /tmp/request
for n in $(seq 40); do
  curl --silent --unix-socket /app/sockets/current/model.sock -X POST -T /tmp/request http://sidecar/v1/chat/completions &
done
wait`;

/** By what runs out of memory: a command that makes it, and how the failure names it. */
const PARTS: Readonly<Record<string, { readonly command: string; readonly named: string }>> = {
  'the agent': { command: OWNERLESS, named: 'the agent used more memory' },
  // The first process of the container waits for the only one that it has started, and ends with it.
  "the agent's container": {
    command: `${HUNGER}; kill -KILL $(pgrep --parent 1)`,
    named: '(container agent). It happened while the agent worked.',
  },
  'the sidecar': { command: LARGE_REQUESTS, named: '(container sidecar). It happened while the agent worked.' },
};

export const outOfMemory = (): void => {
  inSystem('a command that outgrows the memory of a run is killed, its agent is told and goes on', async (system) => {
    const told: string[] = [];
    const turns = inTurns(CHANGE, shell(`${HUNGER}; echo "tail ended with $?"`), DONE);
    const task = await runTask(system, (request, turn) => {
      told.push(lastContent(request));
      return turns(request, turn);
    });
    expect(task).toMatchObject({ status: 'COMPLETED', failure: null, runs: [{ epoch: 1, outcome: 'succeeded' }] });
    expect(told.at(-1)).toContain('tail ended with 137');
    expect(await diffOf(system, task.id)).toContain('+changed\n');
    await untilNothingLeft(system, task.id);
  });

  eachInSystem(
    PARTS,
    (part) => `a task ends as OUT_OF_MEMORY with its changes so far, where ${part} runs out of memory`,
    async (system, { command, named }) => {
      const task = await runTask(system, inTurns(CHANGE, shell(command), DONE));
      expect(task).toMatchObject({
        status: 'FAILED',
        failure: { reason: 'OUT_OF_MEMORY', detail: expect.stringContaining(named) },
        runs: [{ epoch: 1 }],
      });
      await expectKeptWork(system, task, ['changed']);
    },
  );
};
