import type { TaskRequest } from '../../../sdk/index.ts';
import type { FailureReason } from '../../../tasks/failure.ts';
import { eachInSystem } from './in-system.ts';
import { DONE } from './stops.ts';
import { logOf, repositoryWith, runTask, untilNothingLeft } from './tasks.ts';

interface BadSetup {
  readonly path?: string;
  readonly script: string;
  readonly task?: Pick<TaskRequest, 'setup' | 'limits'>;
  readonly reason: FailureReason;
  readonly detail: RegExp;
  /** Whether the script has begun. */
  readonly ran: boolean;
}

const SAYS = 'set-up has begun';
/** For a script that only says that it has begun. */
const SETUP_SECONDS = 10;

const CASES: Readonly<Record<string, BadSetup>> = {
  fails: {
    script: 'echo no such package\nexit 3',
    reason: 'SETUP_FAILED',
    detail: /setup\.sh exited with 3\n[\s\S]*no such package/,
    ran: true,
  },
  hangs: {
    script: 'sleep infinity &\nsleep infinity',
    task: { limits: { setup_seconds: SETUP_SECONDS } },
    reason: 'SETUP_TIMED_OUT',
    detail: new RegExp(`longer than ${SETUP_SECONDS} s\\n[\\s\\S]*${SAYS}`),
    ran: true,
  },
  'is not on the allow-list': {
    path: 'tools/prepare.sh',
    script: '',
    task: { setup: { script: 'tools/prepare.sh' } },
    reason: 'SETUP_REFUSED',
    detail: /tools\/prepare\.sh/,
    ran: false,
  },
};

export const badSetup = (): void =>
  eachInSystem(
    CASES,
    (what) => `a task whose set-up script ${what} ends with that reason and never asks the model`,
    async (system, { path = 'setup.sh', script, task: given, reason, detail, ran }) => {
      const url = await repositoryWith(system, { [path]: `echo ${SAYS}\n${script}\n` });
      let asked = 0;
      const count = () => {
        asked += 1;
        return DONE;
      };
      const task = await runTask(system, count, { url, ...given });
      expect(task).toMatchObject({
        status: 'FAILED',
        failure: { reason, detail: expect.stringMatching(detail) },
        runs: [{ epoch: 1, outcome: 'failed' }],
      });
      expect(asked).toBe(0);
      const log = task.artifacts.some(({ name }) => name === 'setup.log') ? await logOf(system, task.id, 'setup.log') : '';
      expect(log.includes(SAYS)).toBe(ran);
      await untilNothingLeft(system, task.id);
    },
  );
