import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { WorkflowHandle } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import type { Activities } from '../../activities/contract.ts';
import { findTemporalCli } from '../../scripts/setup/temporal-cli.mjs';
import type { CodeTaskInput } from '../../tasks/spec.ts';
import { registerSearchAttributes } from '../../temporal/search-attributes.ts';
import { workflowBundle } from '../../temporal/workflow-bundle.ts';
import type { codeTask } from '../../workflows/code-task.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The real workflow bundle, as the worker uses it. */
export const testBundle = async () => ({ codePath: await workflowBundle({ root, cacheDir: `${root}node_modules/.cache/codebay` }) });

/** Without these, every step waits up to 50 ms for the server's own queues. */
const QUICK = ['transfer', 'timer'].flatMap((queue) => ['--dynamic-config-value', `history.${queue}ProcessorMaxPollRPS=2000`]);

/** Keeps the SDK's own log out of the tests' output; once a process, before any other use of the SDK. */
export const quietTemporal = (): void => {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined), telemetryOptions: { logging: { filter: 'off', forward: {} } } });
};

/** A real Temporal server with the search attributes that the workflow needs. */
export const startTemporal = async (dynamicConfig: readonly string[] = []): Promise<TestWorkflowEnvironment> => {
  const given = dynamicConfig.flatMap((value) => ['--dynamic-config-value', value]);
  const path = findTemporalCli();
  if (path === null) throw new Error('no Temporal CLI; run `node scripts/setup.mjs`');
  quietTemporal();
  const env = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'existing-path', path }, extraArgs: ['--log-level', 'never', ...QUICK, ...given] },
  });
  await registerSearchAttributes(env.connection.operatorService, env.namespace ?? 'default', AbortSignal.timeout(10_000));
  return env;
};

export interface StartedTask {
  readonly taskId: string;
  readonly handle: WorkflowHandle<typeof codeTask>;
}

/** Runs `codeTask` on a worker of its own with these activities, and hands it over while the worker runs. */
export const withTask = async <T>(
  env: TestWorkflowEnvironment,
  activities: Activities,
  spec: Partial<CodeTaskInput['spec']>,
  use: (task: StartedTask) => Promise<T>,
): Promise<T> => {
  const taskQueue = randomUUID();
  const taskId = randomUUID();
  const worker = await Worker.create({
    connection: env.nativeConnection,
    taskQueue,
    workflowBundle: await testBundle(),
    activities,
    maxHeartbeatThrottleInterval: '200ms',
  });
  return worker.runUntil(async () => {
    const handle = await env.client.workflow.start<typeof codeTask>('codeTask', {
      workflowId: taskId,
      taskQueue,
      args: [
        { version: 1, spec: { source: { type: 'git', url: 'https://example.com/a/b.git' }, prompt: 'Mend it', mode: 'modify', ...spec } },
      ],
    });
    return use({ taskId, handle });
  });
};
