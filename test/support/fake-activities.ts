import type { Activities, WatchedRun } from '../../activities/contract.ts';

export interface Recorded {
  readonly name: keyof Activities;
  readonly input: unknown;
}

/** Activities that succeed at once and remember what they were asked; a test overrides the steps it is about. */
export const fakeActivities = (overrides: Partial<Activities> = {}): { readonly activities: Activities; readonly calls: Recorded[] } => {
  const calls: Recorded[] = [];
  const succeeded: WatchedRun = { state: 'succeeded', exit_code: 0, detail: '' };
  const answers: Activities = {
    registerTask: async () => ({ admission: 'admitted', repo: 'example.com/a/b', owner: 'default' }),
    recordProgress: async () => undefined,
    claimSlot: async () => ({ granted: true }),
    resolveSource: async () => ({ commit: 'c'.repeat(40) }),
    stageCode: async () => ({ size_bytes: 1, sha256: 'a'.repeat(64), files: 1 }),
    startRun: async () => undefined,
    watchRun: async ({ seen_phase }) => (seen_phase === 'agent' ? succeeded : { state: 'running', phase: 'agent' }),
    stopRun: async () => undefined,
    releaseRun: async () => undefined,
    collectOutputs: async () => ({ artifacts: [{ name: 'diff.patch', size_bytes: 3, sha256: 'b'.repeat(64) }] }),
    finishTask: async () => undefined,
    eraseExpired: async () => ({ erased: 0, next_cursor: null, more: false }),
    reapOrphans: async () => ({ removed: 0, kept: 0 }),
    ...overrides,
  };
  const recording = <K extends keyof Activities>(name: K) =>
    [
      name,
      (input: never) => {
        calls.push({ name, input });
        return (answers[name] as (input: never) => Promise<unknown>)(input);
      },
    ] as const;
  const activities = Object.fromEntries((Object.keys(answers) as (keyof Activities)[]).map(recording)) as unknown as Activities;
  return { activities, calls };
};
