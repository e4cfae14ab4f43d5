import { type CachedTask, KEPT_OUT_MS, type StatusCache } from '../../tasks/ports/status-cache.ts';

interface Entry {
  readonly version: number;
  /** Null where lower versions are only kept out. */
  readonly task: CachedTask | null;
  readonly until: number;
}

const KEPT_ENTRIES = 10_000;

/** For stations of one process: it sees the writes of no other. */
export const createProcessStatusCache = (now: () => number = Date.now): StatusCache => {
  const entries = new Map<string, Entry>();
  const find = (taskId: string): Entry | undefined => {
    const entry = entries.get(taskId);
    if (entry !== undefined && entry.until > now()) return entry;
    entries.delete(taskId);
    return undefined;
  };
  const keep = (taskId: string, entry: Entry): void => {
    entries.delete(taskId);
    entries.set(taskId, entry);
    const [oldest] = entries.keys();
    if (entries.size > KEPT_ENTRIES && oldest !== undefined) entries.delete(oldest);
  };
  const outdate = async (taskId: string, version: number): Promise<boolean> => {
    if ((find(taskId)?.version ?? -1) < version) keep(taskId, { version, task: null, until: now() + KEPT_OUT_MS });
    return true;
  };
  return {
    get: async (taskId) => find(taskId)?.task ?? null,
    put: async (taskId, task) => {
      const { version, freshUntil } = task;
      if (freshUntil > now() && (find(taskId)?.version ?? -1) <= version) keep(taskId, { version, task, until: freshUntil });
    },
    outdate,
    remove: async (taskId) => void (await outdate(taskId, Number.MAX_SAFE_INTEGER)),
  };
};
