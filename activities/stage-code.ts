import type { Readable } from 'node:stream';
import { FailureError } from '../tasks/failure.ts';
import { codeKey, uploadKey } from '../tasks/object-keys.ts';
import type { CodeSource } from '../tasks/ports/code-source.ts';
import type { ObjectStore } from '../tasks/ports/object-store.ts';
import type { SourceActivities } from './contract.ts';
import { withHeartbeat } from './with-heartbeat.ts';

/** Puts the code of a task into the object store; done again it replaces the same object. */
export const createStageCode = ({
  codeSource,
  objects,
}: {
  readonly codeSource: CodeSource;
  readonly objects: ObjectStore;
}): SourceActivities['stageCode'] => {
  const openZip = async (taskId: string, signal: AbortSignal): Promise<Readable> => {
    const zip = await objects.get(uploadKey(taskId), { signal });
    if (zip === null) throw new FailureError('SOURCE_NOT_FOUND', 'no zip has been uploaded for this task');
    return zip.body;
  };
  return ({ task_id, spec: { source }, commit }) =>
    withHeartbeat(async (signal, onProgress) => {
      const zip = source.type === 'zip' ? await openZip(task_id, signal) : null;
      const { object, files } = await codeSource.stage({ source, commit, zip, signal, onProgress }, (archive) =>
        objects.put(codeKey(task_id), archive, { signal }),
      );
      return { size_bytes: object.sizeBytes, sha256: object.sha256, files };
    });
};
