import { existsSync } from 'node:fs';
import { openStores } from '../../platform/open-stores.ts';
import { dataPaths } from '../../platform/settings.ts';
import type { ApiKey, ApiKeys } from '../../tasks/ports/access.ts';
import { ownerSchema } from '../../tasks/spec.ts';
import { CliError, EXIT } from '../cli-error.ts';
import { harmless, print, remark } from '../terminal.ts';
import { readSettings } from '../up/plan.ts';
import { reachStore } from '../up/reach-store.ts';

const LABEL_CHARACTERS = 128;

/** Works beside a running station. */
const withKeys = async (use: (keys: ApiKeys) => Promise<void>): Promise<number> => {
  const settings = readSettings(process.env);
  if (settings.CODEBAY_STORE === 'sqlite' && !existsSync(dataPaths(settings.CODEBAY_DATA).store))
    throw new CliError('there is no station here yet.', 'Run `codebay up` first, or set CODEBAY_DATA.');
  const stores = await reachStore(() => openStores(settings));
  try {
    await use(stores.apiKeys);
    return EXIT.done;
  } finally {
    await stores.close();
  }
};

/** `codebay admin keys create`: a key for an owner, printed once. */
export const createKey = async (owner: string, label?: string): Promise<number> => {
  if (!ownerSchema.safeParse(owner).success)
    throw new CliError('an owner is 1 to 64 visible ASCII characters.', 'Use a short name.', EXIT.usage);
  if ((label ?? '').length > LABEL_CHARACTERS) {
    throw new CliError(`a label has at most ${LABEL_CHARACTERS} characters.`, 'Use a shorter one.', EXIT.usage);
  }
  return withKeys(async (keys) => {
    print(await keys.create(owner, label));
    remark(`This key of ${owner} can't be shown again.`);
  });
};

const when = (time: number | null): string => (time === null ? '-' : new Date(time).toISOString().slice(0, 16).replace('T', ' '));

const cells = ({ id, owner, label, created_at, last_used_at, revoked_at }: ApiKey): readonly string[] => [
  id,
  owner,
  when(created_at),
  when(last_used_at),
  when(revoked_at),
  harmless(label ?? ''),
];

/** `codebay admin keys list`: every key but the keys themselves. */
export const listKeys = (): Promise<number> =>
  withKeys(async (keys) => {
    const table = [['ID', 'OWNER', 'CREATED', 'LAST USED', 'REVOKED', 'LABEL'], ...(await keys.list()).map(cells)];
    const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
    for (const row of table)
      print(
        row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd(),
      );
  });

/** `codebay admin keys revoke`: every API process has noticed after five seconds. */
export const revokeKey = (id: string): Promise<number> =>
  withKeys(async (keys) => {
    if (!(await keys.revoke(id))) throw new CliError(`no key has the id ${harmless(id)}.`, '`codebay admin keys list` shows the ids.');
    remark(`The key ${id} is revoked; every API process refuses it within five seconds.`);
  });
