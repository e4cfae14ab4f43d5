import { z } from 'zod';

/** A set-up script as it was staged: no program of the repository has run when the sidecar reads it. */
export const setupScriptSchema = z.strictObject({
  /** Relative to the code. */
  path: z.string().min(1).max(1024),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type SetupScript = z.output<typeof setupScriptSchema>;

/** Set-up's environment: names of variables and their values. */
export const setupSecretsSchema = z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string());
export type SetupSecrets = Readonly<z.output<typeof setupSecretsSchema>>;

export const setupRequestSchema = z.strictObject({ script: setupScriptSchema });
export type SetupRequest = z.output<typeof setupRequestSchema>;

/** `allowed`: the run is in set-up. `detail` is one sentence for its users. */
export const setupDecisionSchema = z.discriminatedUnion('decision', [
  z.object({ decision: z.literal('refused'), detail: z.string() }),
  z.object({ decision: z.literal('allowed'), detail: z.string(), secrets: setupSecretsSchema }),
]);
export type SetupDecision = z.output<typeof setupDecisionSchema>;
