/** Tells other processes that a task has something new. Only a hint: it may get lost, and what is new stands in the store. */
export interface Notifier {
  /** Never throws or waits. */
  notify(taskId: string): void;
  /** Calls `wake` at every hint for the task, or for any task where it is null, until the signal aborts. */
  listen(taskId: string | null, wake: () => void, signal: AbortSignal): void;
}
