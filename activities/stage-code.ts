import type { Readable } from 'node:stream';
import { FailureError } from '../tasks/failure.ts';
import { codeKey, codePrefix, uploadKey } from '../tasks/object-keys.ts';
import type { CodeSource } from '../tasks/ports/code-source.ts';
import type { ObjectStore } from '../tasks/ports/object-store.ts';
import type { TaskStore } from '../tasks/ports/task-store.ts';
import { isTerminal } from '../tasks/status.ts';
import type { SourceActivities } from './contract.ts';
import { withHeartbeat } from './with-heartbeat.ts';

/** Puts the code of a task into the object store; done again it replaces the same object. */
export const createStageCode = ({
  tasks,
  codeSource,
  objects,
}: {
  readonly tasks: Pick<TaskStore, 'get'>;
  readonly codeSource: CodeSource;
  readonly objects: ObjectStore;
}): SourceActivities['stageCode'] => {
  const openZip = async (taskId: string, signal: AbortSignal): Promise<Readable> => {
    const zip = await objects.get(uploadKey(taskId), { signal });
    if (zip === null) throw new FailureError('SOURCE_NOT_FOUND', 'no zip has been uploaded for this task');
    return zip.body;
  };
  /** A cancelled task may have been cleaned up while the last bytes were on their way. */
  const removeIfEnded = async (taskId: string): Promise<void> => {
    const task = await tasks.get(taskId);
    if (task === null || isTerminal(task.status)) await objects.deletePrefix(codePrefix(taskId));
  };
  return ({ task_id, spec: { source }, commit }) =>
    withHeartbeat(async (signal, onProgress) => {
      const zip = source.type === 'zip' ? await openZip(task_id, signal) : null;
      const { object, files } = await codeSource.stage({ source, commit, zip, signal, onProgress }, (archive) =>
        objects.put(codeKey(task_id), archive, { signal }),
      );
      await removeIfEnded(task_id);
      return { size_bytes: object.sizeBytes, sha256: object.sha256, files };
    });
};
