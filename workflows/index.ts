/** Everything that the worker's bundle offers. */
export { codeTask } from './code-task.ts';
export { reapOrphanedRuns } from './orphans.ts';
export { eraseExpiredTasks } from './retention.ts';
