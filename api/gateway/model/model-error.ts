import { z } from 'zod';
import type { FailureReason } from '../../../tasks/failure.ts';
import { CONTEXT_LENGTH_EXCEEDED } from '../../../tasks/run-protocol.ts';
import { GatewayError } from '../gateway-error.ts';
import { withoutKey } from './station-key.ts';

/** What is wrong with the model's endpoint or its answer, in OpenAI's status codes and our reasons. */
export const modelError = (
  status: number,
  reason: FailureReason,
  detail: string,
  options: ErrorOptions & { readonly retryAfterSeconds?: number } = {},
): GatewayError => new GatewayError(status, reason, detail, options);

/** A request that no model of this station is asked: the field is named. */
export const refusedRequest = (detail: string): GatewayError => modelError(400, 'MODEL_REFUSED', detail);

const QUOTED_CHARACTERS = 500;
const FALLBACK_RETRY_SECONDS = 5;
const MAX_RETRY_SECONDS = 3600;

/** Seconds from a Retry-After header, which may be a date; a fallback where there is none, so that a 429 always has one. */
const retryAfterOf = (header: string | null, now: number): number => {
  const seconds = /^\d+(\.\d+)?$/.test(header ?? '') ? Number(header) : (Date.parse(header ?? '') - now) / 1000;
  if (!Number.isFinite(seconds)) return FALLBACK_RETRY_SECONDS;
  return Math.min(MAX_RETRY_SECONDS, Math.max(1, Math.ceil(seconds)));
};

const words = { message: z.string(), code: z.unknown().optional() };
const told = z.union([z.object({ error: z.object(words) }).transform(({ error }) => error), z.object(words)]);

/** What an error in OpenAI's shape, or a common other one, says; null where the body is something else. */
const toldIn = (body: string): z.output<typeof told> | null => {
  try {
    return told.safeParse(JSON.parse(body)).data ?? null;
  } catch {
    return null;
  }
};

/** The endpoint's own words, short and without the key. */
const quoted = (body: string, apiKey: string): string => {
  const said = toldIn(body)?.message ?? body;
  const safe = withoutKey(said, apiKey);
  // Endpoints quote keys in part, too: first and last characters around stars.
  return safe.replaceAll(/\b(?:sk|key)-[\w*.-]{6,}/gi, '[key]').slice(0, QUOTED_CHARACTERS);
};

/** What an answer other than 200 means. */
export const modelErrorOf = (
  answer: { readonly status: number; readonly retryAfter: string | null; readonly body: string },
  apiKey: string,
  now: number,
): GatewayError => {
  const { status } = answer;
  if (status === 401 || status === 403) return modelError(401, 'MODEL_AUTH', "the model's endpoint refused the station's key");
  if (status === 429) {
    const retryAfterSeconds = retryAfterOf(answer.retryAfter, now);
    return modelError(429, 'MODEL_RATE_LIMITED', "the model's endpoint asks for fewer requests", { retryAfterSeconds });
  }
  if (status >= 500 || status === 408 || status === 409 || status === 425) {
    return modelError(502, 'MODEL_UNAVAILABLE', `the model's endpoint answered ${status}`);
  }
  if (status < 400) return modelError(502, 'MODEL_PROTOCOL', `the model's endpoint answered ${status}; redirects are not followed`);
  const passed = status === 404 || status === 422 ? status : 400;
  const detail = `the model's endpoint answered ${status}: ${quoted(answer.body, apiKey)}`;
  // No end of the task: the agent can ask for less.
  if (toldIn(answer.body)?.code === CONTEXT_LENGTH_EXCEEDED) return new GatewayError(passed, CONTEXT_LENGTH_EXCEEDED, detail);
  return modelError(passed, 'MODEL_REFUSED', detail);
};
