import {
  type Client,
  isGrpcServiceError,
  WorkflowExecutionAlreadyStartedError,
  type WorkflowHandle,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { type Engine, type EngineState, EngineUnavailableError } from '../tasks/ports/engine.ts';
import type { CodeTaskInput } from '../tasks/spec.ts';
import { repositoryOf } from '../tasks/task.ts';
import type { codeTask } from '../workflows/code-task.ts';
import { slotOffered } from '../workflows/messages.ts';

interface TemporalEngineOptions {
  readonly client: Client;
  readonly taskQueue: string;
}

/** Callers have something better to do than to wait longer: the row is the outbox. */
const CALL_TIMEOUT_MS = 3_000;
const GRPC_NOT_FOUND = 5;
const GRPC_UNAVAILABLE_CODES = new Set([1, 4, 8, 13, 14]);

const STATES: Readonly<Record<string, EngineState>> = {
  RUNNING: 'running',
  CONTINUED_AS_NEW: 'running',
  PAUSED: 'running',
  COMPLETED: 'completed',
  FAILED: 'failed',
  TIMED_OUT: 'failed',
  CANCELLED: 'cancelled',
  TERMINATED: 'terminated',
};

const grpcCodeOf = (error: unknown): number | null => {
  if (isGrpcServiceError(error)) return error.code;
  return error instanceof Error && isGrpcServiceError(error.cause) ? error.cause.code : null;
};

/** The line that operators read in the Temporal UI's list. */
const summaryOf = ({ spec }: CodeTaskInput): string => {
  const [firstLine = ''] = spec.prompt.trim().split('\n');
  return `${spec.mode} · ${repositoryOf(spec)} · ${firstLine}`.slice(0, 200);
};

/** The engine over a Temporal client. Every call is bounded in time; an unreachable server is `EngineUnavailableError`. */
export const createTemporalEngine = ({ client, taskQueue }: TemporalEngineOptions): Engine => {
  const call = async <T>(action: () => Promise<T>): Promise<T> => {
    try {
      return await client.connection.withDeadline(Date.now() + CALL_TIMEOUT_MS, action);
    } catch (error) {
      const code = grpcCodeOf(error);
      if (code !== null && GRPC_UNAVAILABLE_CODES.has(code)) throw new EngineUnavailableError('Temporal does not answer', { cause: error });
      throw error;
    }
  };
  const orIfAbsent = async <T>(absent: T, action: (handle: WorkflowHandle) => Promise<T>, taskId: string): Promise<T> => {
    try {
      return await call(() => action(client.workflow.getHandle(taskId)));
    } catch (error) {
      if (error instanceof WorkflowNotFoundError || grpcCodeOf(error) === GRPC_NOT_FOUND) return absent;
      throw error;
    }
  };
  const describe = (taskId: string): Promise<EngineState> =>
    orIfAbsent<EngineState>('absent', async (handle) => STATES[(await handle.describe()).status.name] ?? 'running', taskId);
  return {
    async start(taskId, input) {
      try {
        await call(() =>
          client.workflow.start<typeof codeTask>('codeTask', {
            workflowId: taskId,
            taskQueue,
            args: [input],
            staticSummary: summaryOf(input),
            // Its activities inherit it: where workers are behind, each owner's tasks get their share of them.
            ...(input.owner === undefined ? {} : { priority: { fairnessKey: input.owner } }),
            workflowIdConflictPolicy: 'USE_EXISTING',
            workflowIdReusePolicy: 'REJECT_DUPLICATE',
          }),
        );
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      }
    },
    // Temporal takes a cancellation of a closed workflow without a word.
    cancel: async (taskId) =>
      (await describe(taskId)) === 'running' && orIfAbsent(false, (handle) => handle.cancel().then(() => true), taskId),
    describe,
    offerSlot: (taskId) => orIfAbsent(undefined, (handle) => handle.signal(slotOffered), taskId),
    erase: (taskId) =>
      orIfAbsent(
        undefined,
        async () => {
          const { namespace } = client.options;
          await client.workflowService.deleteWorkflowExecution({ namespace, workflowExecution: { workflowId: taskId } });
        },
        taskId,
      ),
  };
};
