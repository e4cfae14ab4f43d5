import { z } from 'zod';
import { DEFAULT_SETUP_SCRIPTS } from '../tasks/setup-scripts.ts';
import { list } from './setting-kinds.ts';

const scripts = list
  .transform((entries) => (entries.length === 0 ? DEFAULT_SETUP_SCRIPTS : entries.filter((entry) => entry !== 'none')))
  .transform((entries) => entries.map((entry) => (/^[0-9a-fA-F]{64}$/.test(entry) ? entry.toLowerCase() : entry)));

const branches = list.transform((entries) => (entries.length === 0 ? ['main', 'master'] : entries.filter((entry) => entry !== 'none')));

/** The settings of the set-up phase, a part of those in `settings.ts`. */
export const setupSettings = {
  /** Paths and SHA-256 digests of the set-up scripts that may run; `*`: every path; `none`: no script at all. */
  CODEBAY_SETUP_SCRIPTS: scripts,
  /** Whether what a set-up made is kept for the next task with the same one. */
  CODEBAY_SETUP_CACHE: z.enum(['on', 'off']).default('on'),
  /** How old what is kept may become; the buckets' lifecycle is a backstop a little behind the longest. */
  CODEBAY_SETUP_CACHE_DAYS: z.coerce.number().int().min(1).max(7).default(7),
  /** Of all that is kept. */
  CODEBAY_SETUP_CACHE_MB: z.coerce.number().int().positive().default(20_480),
  /** Of what one set-up made, compressed. */
  CODEBAY_SETUP_CACHE_SNAPSHOT_MB: z.coerce.number().int().positive().default(512),
  /** Branches, `release/*` for all below, whose tips may have set-up secrets; `none`: only approved scripts may. */
  CODEBAY_SETUP_BRANCHES: branches,
  /** A JSON file `{"NAME": "value"}`, or with scopes instead of values, readable by the API's user only. */
  CODEBAY_SETUP_SECRETS_FILE: z.string().optional(),
};
