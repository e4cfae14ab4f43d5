import { FailureError } from '../tasks/failure.ts';
import { uploadKey } from '../tasks/object-keys.ts';
import type { CodeSource } from '../tasks/ports/code-source.ts';
import type { ObjectStore } from '../tasks/ports/object-store.ts';
import type { SourceActivities } from './contract.ts';
import { withHeartbeat } from './with-heartbeat.ts';

/** Pins a git source to a commit; of a zip it is only known that it has been uploaded. */
export const createResolveSource =
  ({ codeSource, objects }: { readonly codeSource: CodeSource; readonly objects: ObjectStore }): SourceActivities['resolveSource'] =>
  ({ task_id, spec: { source } }) =>
    withHeartbeat(async (signal) => {
      if (source.type === 'git') return codeSource.resolve(source, signal);
      if ((await objects.stat(uploadKey(task_id))) === null) {
        throw new FailureError('SOURCE_NOT_FOUND', 'no zip has been uploaded for this task');
      }
      return { commit: null, branch: null };
    });
