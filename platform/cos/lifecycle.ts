import { isDeepStrictEqual } from 'node:util';
import COS from 'cos-nodejs-sdk-v5';
import { z } from 'zod';
import { MAX_TASK_LIMITS } from '../../tasks/limits.ts';
import { ARTIFACTS_PREFIX, TEMPORARY_PREFIXES } from '../../tasks/object-keys.ts';
import type { CosClient } from './client.ts';
import { md5Header } from './content-md5.ts';
import { CosAnswerError } from './exchange-errors.ts';

/** Rules with these ids are ours; those of others stay. */
const OURS = 'codebay-';
const DAY_SECONDS = 86_400;
/** Past whatever the station itself would still remove. */
const SPARE_DAYS = 7;
const UNFINISHED_DAYS = 1;

/** A rule as COS's XML has it. */
export interface LifecycleRule {
  readonly ID: string;
  readonly Status: string;
  readonly Filter: unknown;
  readonly [action: string]: unknown;
}

const expire = (prefix: string, days: number): LifecycleRule => ({
  ID: `${OURS}${prefix.slice(0, -1).replaceAll('_', '-')}`,
  Status: 'Enabled',
  Filter: { Prefix: prefix },
  Expiration: { Days: String(days) },
});

const unfinished: LifecycleRule = {
  ID: `${OURS}unfinished-uploads`,
  Status: 'Enabled',
  Filter: { Prefix: '' },
  AbortIncompleteMultipartUpload: { DaysAfterInitiation: String(UNFINISHED_DAYS) },
};

/** The rules of the bucket for code: everything goes a week after the longest task could have ended. */
export const codeRules = (): readonly LifecycleRule[] => {
  const longest = Math.ceil((MAX_TASK_LIMITS.time_seconds + MAX_TASK_LIMITS.setup_seconds) / DAY_SECONDS);
  return [...TEMPORARY_PREFIXES.map((prefix) => expire(prefix, longest + SPARE_DAYS)), unfinished];
};

/** The rules of the bucket for artifacts: they go a week after retention should have removed them. */
export const logsRules = (retentionDays: number): readonly LifecycleRule[] => [
  expire(ARTIFACTS_PREFIX, retentionDays + SPARE_DAYS),
  unfinished,
];

const ruleSchema = z.looseObject({ ID: z.string().default(''), Status: z.string(), Filter: z.unknown() });
const configurationSchema = z.object({
  LifecycleConfiguration: z.object({ Rule: z.union([z.array(ruleSchema), ruleSchema.transform((rule) => [rule])]) }),
});

const currentRules = async (client: CosClient, bucket: string): Promise<readonly LifecycleRule[]> => {
  try {
    const { xml } = await client.call({ method: 'GET', bucket, key: '', query: { lifecycle: '' } });
    return configurationSchema.parse(xml).LifecycleConfiguration.Rule;
  } catch (error) {
    if (error instanceof CosAnswerError && error.code === 'NoSuchLifecycleConfiguration') return [];
    throw error;
  }
};

/** Puts our rules into a bucket in place of ours of before, keeping all others; false where they are there already. */
export const applyLifecycle = async (
  client: CosClient,
  bucket: string,
  rules: readonly LifecycleRule[],
  { dryRun }: { readonly dryRun: boolean },
): Promise<boolean> => {
  const current = await currentRules(client, bucket);
  const ours = current.filter(({ ID }) => ID.startsWith(OURS));
  const byId = (all: readonly LifecycleRule[]) => Object.fromEntries(all.map((rule) => [rule.ID, rule]));
  if (isDeepStrictEqual(byId(ours), byId(rules))) return false;
  if (dryRun) return true;
  const others = current.filter(({ ID }) => !ID.startsWith(OURS));
  const body = Buffer.from(COS.util.json2xml({ LifecycleConfiguration: { Rule: [...others, ...rules] } }));
  const headers = { 'content-type': 'application/xml', 'content-md5': md5Header(body) };
  await client.call({ method: 'PUT', bucket, key: '', query: { lifecycle: '' }, headers, body });
  return true;
};
