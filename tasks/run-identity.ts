import { createHmac, timingSafeEqual } from 'node:crypto';
import { isRunId } from './ids.ts';

/** Who a run is to the gateway. Its task, kind and epoch are in the run id. */
export interface RunIdentity {
  readonly runId: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

const signatureOf = (secret: string, payload: string): string =>
  createHmac('sha256', secret).update(`codebay-run-v1:${payload}`).digest('base64url');

/** Derived, so that any worker makes the same token again. */
export const signRunIdentity = (secret: string, identity: RunIdentity): string => {
  const payload = `${identity.runId}.${identity.expiresAt}`;
  return `cbr_${payload}.${signatureOf(secret, payload)}`;
};

/** Null for anything that isn't a live identity of this station. */
export const verifyRunIdentity = (secret: string, token: string, now: number): RunIdentity | null => {
  const match = /^cbr_([a-z0-9-]+)\.([0-9]{1,16})\.([A-Za-z0-9_-]{43})$/.exec(token);
  const [, runId, expiry, signature] = match ?? [];
  if (runId === undefined || expiry === undefined || signature === undefined || !isRunId(runId)) return null;
  const expected = signatureOf(secret, `${runId}.${expiry}`);
  if (!timingSafeEqual(Buffer.from(expected), Buffer.from(signature))) return null;
  const expiresAt = Number(expiry);
  return expiresAt > now ? { runId, expiresAt } : null;
};
