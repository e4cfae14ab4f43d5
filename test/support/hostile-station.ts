import { homedir } from 'node:os';
import { openTaskBench } from './e2e-task.ts';
import { openHostTargets } from './hostile-host.ts';
import { createHostileModel, HOSTILE_ENV, type HostileTask, runHostileTask } from './hostile-task.ts';
import { ordinaryUser } from './hostile-user.ts';

export const isRoot = process.geteuid?.() === 0;

/** Runs a hostile repository on a station of its own; null where none can be started as an ordinary user. */
export const hostileTaskOn = async (station: {
  readonly isolation: 'bubblewrap' | 'none';
  /** Drops root, where the test has it. */
  readonly asUser: boolean;
}): Promise<HostileTask | null> => {
  await using stack = new AsyncDisposableStack();
  const host = await openHostTargets(stack);
  const user = station.asUser && isRoot ? await ordinaryUser(stack) : undefined;
  if (user === null) return null;
  const model = createHostileModel(host);
  const env = { ...HOSTILE_ENV, CODEBAY_ISOLATION: station.isolation };
  const bench = stack.use(await openTaskBench(model.script, { env, ...(user === undefined ? {} : { user }) }));
  const home = user?.env.HOME ?? homedir();
  return await runHostileTask(bench, host, model, { home, sandboxed: station.isolation !== 'none' });
};
