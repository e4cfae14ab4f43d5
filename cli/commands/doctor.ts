import type { Settings } from '../../platform/settings.ts';
import { EXIT } from '../cli-error.ts';
import { broken, type Check, type Finding } from '../doctor/check.ts';
import { machineChecks } from '../doctor/machine.ts';
import { networkChecks } from '../doctor/network.ts';
import { paint, print } from '../terminal.ts';
import { readSettings } from '../up/plan.ts';

const MARKS = { ok: paint('green', '✓'), warning: paint('yellow', '!'), broken: paint('red', '✗') } as const;

const failure = (error: unknown): Finding =>
  broken(error instanceof Error ? error.message : String(error), 'This is a defect of the check; report it.');

const runnerChecks = async (settings: Settings): Promise<readonly Check[]> => {
  switch (settings.CODEBAY_RUNNER) {
    case 'kubernetes':
      return (await import('../doctor/cluster.ts')).clusterChecks(settings);
    case 'docker':
      return (await import('../doctor/engine.ts')).engineChecks(settings);
    case 'sandbox':
      return [];
  }
};

/** `codebay doctor`: looks at everything the station needs; exit code 1 where something is broken. */
export const doctor = async (): Promise<number> => {
  const settings = readSettings(process.env);
  const checks = [...machineChecks(settings), ...(await runnerChecks(settings)), ...networkChecks(process.env, settings)].map(
    ({ name, look }) => ({
      name,
      finding: look().catch(failure),
    }),
  );
  let sound = true;
  for (const { name, finding } of checks) {
    const { state, what, remedy } = await finding;
    sound &&= state !== 'broken';
    print(`${MARKS[state]} ${name.padEnd(10)} ${what}`, ...(remedy === '' ? [] : [`  ${' '.repeat(10)} → ${remedy}`]));
  }
  return sound ? EXIT.done : EXIT.failed;
};
