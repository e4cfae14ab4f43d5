import { createHmac, timingSafeEqual } from 'node:crypto';
import { DeadLetterError } from './dead-letter.ts';
import type { FeedMessage } from './ports/task-feed.ts';
import { ownerSchema } from './spec.ts';

export type OwnerPolicy =
  /** Whoever may write to the topic is this owner. */
  | { readonly owner: string }
  /** Each message says whose it is and proves it with this secret. */
  | { readonly secret: string };

export const OWNER_HEADER = 'codebay-owner';
export const SIGNATURE_HEADER = 'codebay-owner-signature';

/** Hex HMAC-SHA256 over owner, line feed and the value's bytes: what a sender puts into the signature header. */
export const signOwner = (secret: string, owner: string, value: Buffer): string =>
  createHmac('sha256', secret).update(`${owner}\n`).update(value).digest('hex');

const single = ({ headers }: FeedMessage, name: string): string | null => {
  const values = headers.get(name);
  return values?.length === 1 ? String(values[0]) : null;
};

/** Whose task a message is; throws `DeadLetterError` where its headers don't prove it. */
export const ownerOf = (message: FeedMessage, value: Buffer, policy: OwnerPolicy): string => {
  if ('owner' in policy) return policy.owner;
  const [owner, signature] = [single(message, OWNER_HEADER), single(message, SIGNATURE_HEADER)];
  if (owner === null || signature === null) {
    throw new DeadLetterError('OWNER_UNVERIFIED', `The headers ${OWNER_HEADER} and ${SIGNATURE_HEADER} are needed, once each.`);
  }
  const parsed = ownerSchema.safeParse(owner);
  if (!parsed.success) throw new DeadLetterError('OWNER_UNVERIFIED', `${OWNER_HEADER}: ${parsed.error.issues[0]?.message ?? 'not valid'}.`);
  const expected = Buffer.from(signOwner(policy.secret, owner, value));
  const given = Buffer.from(signature.toLowerCase());
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new DeadLetterError('OWNER_UNVERIFIED', `${SIGNATURE_HEADER}: is not that of ${OWNER_HEADER} and the value.`);
  }
  return owner;
};
