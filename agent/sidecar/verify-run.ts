import { join } from 'node:path';
import { FailureError } from '../../tasks/failure.ts';
import { limitReached, type Outcome, succeeded } from './outcome.ts';
import { prepareCode } from './prepared-code.ts';
import { openProgramLog } from './program-log.ts';
import type { DescribedRun } from './run-parts.ts';

/** The verifying run: base + patch in a clean place, and the task's command without any way out. Its exit code is the evidence, whatever it is. */
export const runVerifyKind = async (run: DescribedRun): Promise<Outcome> => {
  const { description, compartment, folders, life, order } = run;
  if (description.verify_command === null) throw new FailureError('INTERNAL', 'a verifying run without a command');
  const failure = await prepareCode(run, description.patch);
  if (failure !== null) return failure;
  const { paths } = compartment;
  const log = await openProgramLog({
    ...run,
    path: join(folders.scratch, 'verify.log'),
    maxBytes: order.limits.logBytes,
    stream: 'verify',
  });
  try {
    const exit = await compartment.run({
      argv: ['/bin/sh', '-c', description.verify_command],
      cwd: description.subfolder === null ? paths.code : `${paths.code}/${description.subfolder}`,
      onStdout: log.write,
      timeoutMs: Math.max(1, run.endsAt - Date.now()),
      signal: life.working,
    });
    life.working.throwIfAborted();
    return limitReached(exit, 'the verify command') ?? succeeded(`the verify command exited with ${exit.exitCode}`, exit.exitCode);
  } finally {
    await log.close();
  }
};
