import { z } from 'zod';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** A set-up script as it was staged: no program of the repository has run when the sidecar reads it. */
export const setupScriptSchema = z.strictObject({
  /** Relative to the code. */
  path: z.string().min(1).max(1024),
  sha256,
});
export type SetupScript = z.output<typeof setupScriptSchema>;

/** Set-up's environment: names of variables and their values. */
export const setupSecretsSchema = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string());
export type SetupSecrets = Readonly<z.output<typeof setupSecretsSchema>>;

export const setupRequestSchema = z.strictObject({
  script: setupScriptSchema,
  /** What decides, beside script and repository, whether another run's set-up made the same. Absent: nothing of another run is wanted. */
  cache: z
    .strictObject({
      /** What programs find around them: the image, or the sandbox and its platform. */
      environment: z.string().min(1).max(512),
      /** Of the files that name dependencies, as they were staged. */
      dependencies_sha256: sha256,
      /** Whether the run would rather wait for another one's set-up than do its own. */
      may_wait: z.boolean(),
    })
    .optional(),
});
export type SetupRequest = z.output<typeof setupRequestSchema>;

/** `restore`: the files stand at the gateway. `build`: what set-up makes is wanted there, within `max_bytes`; `lease` keeps others waiting for it. */
const cacheUse = z.discriminatedUnion('use', [
  z.object({ use: z.literal('nothing') }),
  z.object({ use: z.literal('restore'), id: sha256, sha256, size_bytes: z.int().min(0) }),
  z.object({ use: z.literal('build'), id: sha256, lease: z.string(), max_bytes: z.int().min(0) }),
]);
export type SetupCacheUse = z.output<typeof cacheUse>;

/** The builder's word to those who wait: `done` lets them look at once. */
export const setupLeaseSchema = z.strictObject({ id: sha256, lease: z.string().max(128), done: z.boolean() });
export type SetupLease = z.output<typeof setupLeaseSchema>;

/** How long a builder that is silent keeps others waiting. */
export const SETUP_LEASE_MS = 15_000;

/** `allowed`: the run is in set-up; `wait`: it isn't yet, another run builds the same. `detail` is one sentence for its users. */
export const setupDecisionSchema = z.discriminatedUnion('decision', [
  z.object({ decision: z.literal('refused'), detail: z.string() }),
  z.object({ decision: z.literal('allowed'), detail: z.string(), secrets: setupSecretsSchema, cache: cacheUse }),
  z.object({ decision: z.literal('wait'), detail: z.string() }),
]);
export type SetupDecision = z.output<typeof setupDecisionSchema>;
