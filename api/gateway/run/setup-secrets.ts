import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { type SetupSecrets, setupSecretsSchema } from '../../../tasks/setup-protocol.ts';
import { GatewayError } from '../gateway-error.ts';
import { matchesName } from './name-pattern.ts';

/** Whose secrets are asked for, and for which code: host and path without `.git`; null for zips and for addresses that can't be compared safely. */
export interface SecretScope {
  readonly owner: string;
  readonly repository: string | null;
}

export type ReadSetupSecrets = (scope: SecretScope) => Promise<SetupSecrets>;

const scoped = z.strictObject({
  value: z.string(),
  /** Absent: every owner. */
  owners: z.array(z.string()).min(1).optional(),
  /** `host/path`, or `host/path/*` for all below; absent: every repository, and zips. */
  repositories: z.array(z.string()).min(1).optional(),
});
type ScopedSecret = z.output<typeof scoped>;

const entry = z.union([z.string().transform((value): ScopedSecret[] => [{ value }]), scoped.transform((one) => [one]), z.array(scoped)]);
const fileSchema = z.record(setupSecretsSchema.keyType, entry);

const isFor = ({ owners, repositories }: ScopedSecret, { owner, repository }: SecretScope): boolean =>
  (owners === undefined || owners.includes(owner)) &&
  (repositories === undefined || (repository !== null && repositories.some((pattern) => matchesName(pattern, repository))));

/**
 * Reads the operator's file of set-up secrets at each call, and gives those of the scope; of several entries of a name the first that fits.
 * No file: no secrets. What is wrong with it is told without its content, which a parser's own message would quote.
 */
export const createSetupSecrets =
  (file: string | undefined): ReadSetupSecrets =>
  async (scope) => {
    if (file === undefined) return {};
    const all = await readFile(file, 'utf8')
      .then((text) => fileSchema.parse(JSON.parse(text)))
      .catch(() => {
        const detail = 'the file of set-up secrets must be readable JSON of names and texts, or of entries as docs/SETTINGS.md has them';
        throw new GatewayError(503, 'SETUP_SECRETS_UNREADABLE', detail);
      });
    const chosen = Object.entries(all).map(([name, entries]) => [name, entries.find((one) => isFor(one, scope))?.value] as const);
    return Object.fromEntries(chosen.filter((one): one is [string, string] => one[1] !== undefined));
  };
