import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { WorkflowHandle } from '@temporalio/client';
import protobuf from '@temporalio/proto';

const { History } = protobuf.temporal.api.history.v1;

/** Histories of every path, saved once a release and replayed for ever: `test/histories/<release>/<path>.json`. */
export const HISTORIES = fileURLToPath(new URL('../histories/', import.meta.url));

/** Stack traces name folders of this machine, and no replay needs them. */
const withoutTraces = (key: string, value: unknown): unknown => (key === 'stackTrace' ? undefined : value);

/** Keeps a history when `SAVE_HISTORIES` names the release that it is saved for; see docs/decisions/0003-workflow-versions.md. */
export const saveHistory = async (path: string, handle: WorkflowHandle): Promise<void> => {
  const release = process.env.SAVE_HISTORIES;
  if (release === undefined) return;
  const history = History.toObject(History.fromObject(await handle.fetchHistory()), { longs: String, bytes: String, enums: String });
  await mkdir(`${HISTORIES}${release}`, { recursive: true });
  await writeFile(`${HISTORIES}${release}/${path}.json`, `${JSON.stringify(history, withoutTraces)}\n`);
};

export const loadHistory = async (file: string) => History.fromObject(JSON.parse(await readFile(`${HISTORIES}${file}`, 'utf8')));
