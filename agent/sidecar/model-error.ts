import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { GatewayUnreachableError } from './gateway-error.ts';
import { readBody } from './read-body.ts';

const ERROR_BYTES = 256 * 1024;

const errorSchema = z.object({ error: z.object({ code: z.string().nullish() }) });

export interface ModelError {
  readonly body: Buffer;
  /** `error.code`, where the body is an error in OpenAI's shape. */
  readonly code: string | null;
}

/** Reads an error answer of the gateway's `/llm`. */
export const readModelError = async (answer: IncomingMessage): Promise<ModelError> => {
  const body = await readBody(answer, ERROR_BYTES).catch((cause) => {
    throw new GatewayUnreachableError('the answer broke off', { cause });
  });
  if (body === null) return { body: Buffer.alloc(0), code: null };
  try {
    return { body, code: errorSchema.safeParse(JSON.parse(body.toString())).data?.error.code ?? null };
  } catch {
    return { body, code: null };
  }
};
