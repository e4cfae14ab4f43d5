import type { CodeTaskInput } from '../spec.ts';

/** Thrown when the engine can't be reached; nothing is known about what was asked. */
export class EngineUnavailableError extends Error {
  override readonly name = 'EngineUnavailableError';
}

export type EngineState = 'running' | 'completed' | 'failed' | 'cancelled' | 'terminated' | 'absent';

/** The workflow engine as the rest of the station sees it. The workflow id is the task id. */
export interface Engine {
  /** Starts `codeTask`, or finds it running or closed: all three mean accepted. */
  start(taskId: string, input: CodeTaskInput): Promise<void>;
  /** False where there is no running workflow. */
  cancel(taskId: string): Promise<boolean>;
  describe(taskId: string): Promise<EngineState>;
  /** Tells the workflow that a slot may be free; nothing happens where it isn't running. */
  offerSlot(taskId: string): Promise<void>;
  /** Deletes a closed workflow's history. */
  erase(taskId: string): Promise<void>;
}
