import type { ArtifactName } from './artifacts.ts';

/** What the keys of cached set-ups begin with; they go by age and size. */
export const SETUP_PREFIX = 'setup_cache/';
/** What every temporary key begins with; nothing below is needed once its task has ended. */
export const TEMPORARY_PREFIXES = ['tmp_zips/', 'processed_code/', 'runs/', 'turns/', SETUP_PREFIX] as const;
/** What the keys of artifacts begin with. */
export const ARTIFACTS_PREFIX = 'logs/';

/** Where everything of a task stands in the object store. A prefix ends in `/`, so that deleting one can't touch a longer id. */
export const uploadPrefix = (taskId: string): string => `tmp_zips/${taskId}/`;
export const uploadKey = (taskId: string): string => `${uploadPrefix(taskId)}code.zip`;
export const codePrefix = (taskId: string): string => `processed_code/${taskId}/`;
export const codeKey = (taskId: string): string => `${codePrefix(taskId)}code.tar.zst`;
/** What a run uploads, addressed by content; untrusted until the worker copies it. */
export const runPrefix = (runId: string): string => `runs/${runId}/`;
export const runBlobKey = (runId: string, sha256: string): string => `${runPrefix(runId)}${sha256}`;
/** Finished model answers, for replay to a resumed run. */
export const turnPrefix = (taskId: string): string => `turns/${taskId}/`;
export const turnKey = (taskId: string, turn: number, requestSha256: string): string => `${turnPrefix(taskId)}${turn}-${requestSha256}`;
/** Only the worker writes here; `manifest.json` commits the set. */
export const artifactPrefix = (taskId: string): string => `${ARTIFACTS_PREFIX}${taskId}/`;
export const artifactKey = (taskId: string, name: ArtifactName | 'manifest.json'): string => `${artifactPrefix(taskId)}${name}`;
/** Of one cached set-up. Owners' names may hold what keys may not; their ids are apart because they are made from the owner, too. */
export const setupSnapshotPrefix = ({ id, sha256 }: { readonly id: string; readonly sha256: string }): string =>
  `${SETUP_PREFIX}${id}/${sha256}/`;
export const setupSnapshotKey = (snapshot: { readonly id: string; readonly sha256: string }): string =>
  `${setupSnapshotPrefix(snapshot)}files.tar.zst`;
