import type { CodeSource } from '../tasks/ports/code-source.ts';
import type { Engine } from '../tasks/ports/engine.ts';
import type { ObjectStore } from '../tasks/ports/object-store.ts';
import type { ResultFeed } from '../tasks/ports/result-feed.ts';
import type { Runner } from '../tasks/ports/runner.ts';
import type { Stores } from '../tasks/ports/stores.ts';
import type { RunLimits } from '../tasks/run.ts';
import { withTemporalFailures } from './application-failure.ts';
import { createClaimSlot } from './claim-slot.ts';
import { createCollectOutputs } from './collect-outputs.ts';
import type { Activities } from './contract.ts';
import { createEraseExpired } from './erase-expired.ts';
import { createFinishTask } from './finish-task.ts';
import { createReapOrphans } from './reap-orphans.ts';
import { createRecordProgress } from './record-progress.ts';
import { createRegisterTask } from './register-task.ts';
import { createReleaseRun } from './release-run.ts';
import { createResolveSource } from './resolve-source.ts';
import { createStageCode } from './stage-code.ts';
import { createStartRun } from './start-run.ts';
import { createStopRun } from './stop-run.ts';
import { createWatchRun } from './watch-run.ts';
import { heartbeating } from './with-heartbeat.ts';

export interface ActivityDeps {
  readonly stores: Pick<Stores, 'tasks' | 'outbox' | 'results' | 'events' | 'runs' | 'ledger' | 'retention'>;
  readonly objects: ObjectStore;
  readonly runner: Runner;
  readonly codeSource: CodeSource;
  /** Null where nobody wants results. */
  readonly resultFeed: ResultFeed | null;
  readonly engine: Pick<Engine, 'cancel' | 'offerSlot' | 'describe' | 'erase'>;
  readonly draining: AbortSignal;
  readonly gatewayUrl: string;
  readonly secret: string;
  readonly maxRuns: number;
  /** See `createStartRun`. */
  readonly images: Readonly<Record<string, string>>;
  readonly runLimits: Omit<RunLimits, 'timeMs' | 'setupTimeMs'>;
  readonly defaultOwner: string;
}

/** All activities, one file each. */
export const createActivities = (given: ActivityDeps): Activities => {
  const { resultFeed } = given;
  const deps = { ...given, ...given.stores, now: Date.now };
  return withTemporalFailures<Activities>({
    registerTask: createRegisterTask(deps),
    recordProgress: createRecordProgress(deps),
    claimSlot: createClaimSlot(deps),
    resolveSource: createResolveSource(deps),
    stageCode: createStageCode(deps),
    startRun: heartbeating(createStartRun(deps)),
    watchRun: createWatchRun(deps),
    stopRun: heartbeating(createStopRun(deps)),
    releaseRun: heartbeating(createReleaseRun(deps)),
    collectOutputs: createCollectOutputs(deps),
    finishTask: heartbeating(createFinishTask({ ...deps, publication: resultFeed && { outbox: given.stores.results, feed: resultFeed } })),
    eraseExpired: createEraseExpired(deps),
    reapOrphans: createReapOrphans(deps),
  });
};
