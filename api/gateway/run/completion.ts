import { isDeepStrictEqual } from 'node:util';
import { RUN_ARTIFACTS } from '../../../tasks/artifacts.ts';
import { runBlobKey } from '../../../tasks/object-keys.ts';
import type { ObjectStore } from '../../../tasks/ports/object-store.ts';
import type { RunStore } from '../../../tasks/ports/run-store.ts';
import type { CompletionReport } from '../../../tasks/run-protocol.ts';
import { type Admission, isCurrent, runOver } from '../admission.ts';
import { invalid } from '../gateway-error.ts';

const UPLOADED: ReadonlySet<string> = new Set(RUN_ARTIFACTS);

/** Takes a run's completion, once; the same one again is fine, another one is 409. Success exists only by this record. */
export const createCompletion = (deps: { readonly admission: Admission; readonly runs: RunStore; readonly objects: ObjectStore }) => {
  const check = async (runId: string, { artifacts }: CompletionReport): Promise<void> => {
    const names = artifacts.map(({ name }) => name);
    const refused = names.find((name, index) => !UPLOADED.has(name) || names.indexOf(name) !== index);
    if (refused !== undefined) throw invalid(`artifacts: ${refused} may not be uploaded, or stands there twice`);
    for (const { name, sha256, size_bytes } of artifacts) {
      const stored = await deps.objects.stat(runBlobKey(runId, sha256));
      if (stored?.sizeBytes !== size_bytes) throw invalid(`artifacts: ${name} was not uploaded with this hash and size`);
    }
  };
  const isRepeat = async (runId: string, report: CompletionReport): Promise<boolean> =>
    isDeepStrictEqual((await deps.admission.find(runId)).run.completion, report);

  return async (runId: string, report: CompletionReport): Promise<void> => {
    const { runs } = await deps.admission.find(runId);
    if (isCurrent(runId, runs)) {
      await check(runId, report);
      if ((await deps.runs.write(runId, { phase: 'closed', completion: report })) === 'written') return;
    }
    if (!(await isRepeat(runId, report))) throw runOver('the run is over');
  };
};
