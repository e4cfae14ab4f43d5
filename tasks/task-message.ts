import { v5 as uuidv5 } from 'uuid';
import { z } from 'zod';
import { DeadLetterError } from './dead-letter.ts';
import { TASK_MAX_BYTES } from './limits.ts';
import { type OwnerPolicy, ownerOf } from './message-owner.ts';
import type { FeedMessage } from './ports/task-feed.ts';
import type { NewTask } from './ports/task-store.ts';
import { taskSpecSchema } from './spec.ts';

/** Of the ids made here, so that no other program's names give the same ones. */
const NAMESPACE = 'a1f3c5de-58b0-4c5e-8a26-0d4b1f0a7e92';

const clientIdSchema = z.string().regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 visible ASCII characters');

/** A task as a message: what the HTTP API takes as JSON, and the client's own `id`, which may stand in the message's key instead. */
export const taskMessageSchema = z.strictObject({ ...taskSpecSchema.shape, id: clientIdSchema.optional() });

/** The task of an owner's client id: however often a message comes, it is one task. */
export const taskIdOfMessage = (owner: string, clientId: string): string => uuidv5(`${owner}\n${clientId}`, NAMESPACE);

const utf8 = new TextDecoder('utf-8', { fatal: true });

const parseJson = (value: Buffer): unknown => {
  try {
    return JSON.parse(utf8.decode(value));
  } catch {
    // What the parser says quotes the text, which may hold a secret.
    throw new DeadLetterError('NOT_JSON');
  }
};

const clientIdOf = ({ key }: FeedMessage, id: string | undefined, policy: OwnerPolicy): string => {
  if (id !== undefined) return id;
  if ('secret' in policy) throw new DeadLetterError('ID_MISSING', 'id: is needed in the value, where the signature covers it.');
  if (key === null || key.length === 0) throw new DeadLetterError('ID_MISSING');
  const parsed = clientIdSchema.safeParse(key.toString());
  if (!parsed.success)
    throw new DeadLetterError('ID_MISSING', 'The value has no id, and the key is not one: 1 to 255 visible ASCII characters.');
  return parsed.data;
};

/** The task that a message asks for; throws `DeadLetterError` where it never can be one. */
export const readTaskMessage = (message: FeedMessage, policy: OwnerPolicy): NewTask => {
  const { value } = message;
  if (value === null || value.length === 0) throw new DeadLetterError('EMPTY');
  if (value.length > TASK_MAX_BYTES)
    throw new DeadLetterError('TOO_LARGE', `The value has ${value.length} bytes; ${TASK_MAX_BYTES} are allowed.`);
  const owner = ownerOf(message, value, policy);
  const parsed = taskMessageSchema.safeParse(parseJson(value));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new DeadLetterError('INVALID_TASK', `${issue?.path.join('.') || 'value'}: ${issue?.message ?? 'not valid'}`);
  }
  const { id, ...spec } = parsed.data;
  if (spec.source.type === 'zip') throw new DeadLetterError('ZIP_UNSUPPORTED');
  return { id: taskIdOfMessage(owner, clientIdOf(message, id, policy)), owner, spec };
};
