import { GatewayError } from './gateway-error.ts';
import type { GatewayLog } from './options.ts';

const TITLES: Readonly<Record<number, string>> = { 401: 'authentication_error', 402: 'insufficient_quota', 429: 'rate_limit_error' };

const headersOf = (error: GatewayError, contentType: string): Record<string, string> => ({
  'content-type': contentType,
  'cache-control': 'no-store',
  ...(error.retryAfterSeconds === null ? {} : { 'retry-after': String(error.retryAfterSeconds) }),
});

/** What isn't a refusal is a defect or a store that is away: logged whole, told to nobody. */
export const asGatewayError = (error: unknown, log: GatewayLog): GatewayError => {
  if (error instanceof GatewayError) return error;
  log.error({ err: error }, 'the gateway failed');
  return new GatewayError(503, 'INTERNAL', 'the gateway could not do this now; try again', { retryAfterSeconds: 1, cause: error });
};

/** The error in OpenAI's shape. */
export const openAiError = ({ status, code, message }: GatewayError) => {
  const type = TITLES[status] ?? (status >= 500 ? 'server_error' : 'invalid_request_error');
  return { error: { message, type, param: null, code } };
};

/** The error as problem+json, or as OpenAI's clients expect it. */
export const errorResponse = (error: GatewayError, shape: 'problem' | 'openai'): Response => {
  if (shape === 'problem') {
    const body = { type: `urn:codebay:problem:${error.code}`, code: error.code, detail: error.message };
    return new Response(JSON.stringify(body), { status: error.status, headers: headersOf(error, 'application/problem+json') });
  }
  return new Response(JSON.stringify(openAiError(error)), { status: error.status, headers: headersOf(error, 'application/json') });
};
