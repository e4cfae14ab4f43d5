import { createInterface } from 'node:readline';
import { z } from 'zod';
import { closeInherited } from '../../platform/sandbox/inherited-descriptors.ts';
import { createSandboxRun, removeSandboxRun } from './sandbox-run.ts';

/*
 * Runs shell scripts in a compartment under whatever user this process was started as: `sandbox-worker.ts <runs folder> <run id> <mode>`.
 * One JSON line a request on stdin, one a reply on stdout. Mode `remove` only removes what a killed worker left.
 */
const requestSchema = z.object({ id: z.int(), script: z.string(), timeoutMs: z.number(), abortAfterOutput: z.boolean() });
const [runsDir = '', runId = '', mode = ''] = process.argv.slice(2);

closeInherited();
if (mode === 'remove') {
  await removeSandboxRun(`${runsDir}/${runId}`);
} else {
  const run = await createSandboxRun(runsDir, runId, z.enum(['root', 'user', 'none']).parse(mode));
  const reply = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
  reply({ id: 0, memory: run.confinement.cgroups.memory !== null, path: run.path });
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, script, timeoutMs, abortAfterOutput } = requestSchema.parse(JSON.parse(line));
    const abort = new AbortController();
    let output = '';
    const exit = await run.compartment.run({
      argv: ['sh', '-c', script],
      cwd: run.compartment.paths.code,
      timeoutMs,
      signal: abort.signal,
      onStdout: (chunk) => {
        output += chunk.toString();
        if (abortAfterOutput) abort.abort();
      },
    });
    reply({ id, exit, output });
  }
  await run.compartment.destroy();
  await run.remove();
}
