import type { Context, ErrorHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { EngineUnavailableError } from '../../tasks/ports/engine.ts';
import { ObjectStoreUnavailableError } from '../../tasks/ports/object-store.ts';
import { StoreUnavailableError } from '../../tasks/ports/store-unavailable-error.ts';
import { InvalidCursorError } from '../../tasks/ports/task-store.ts';
import type { Problem } from '../../tasks/problem.ts';
import type { Log } from '../deps.ts';
import type { ApiEnvironment } from '../environment.ts';
import { ApiProblem } from '../problem.ts';

const RETRY_AFTER_MS = 2000;

const problemOf = (error: Error): ApiProblem => {
  const options = { cause: error, retryAfterMs: RETRY_AFTER_MS };
  if (error instanceof ApiProblem) return error;
  if (error instanceof StoreUnavailableError) return new ApiProblem('STORE_UNAVAILABLE', 'The store did not answer in time.', options);
  if (error instanceof ObjectStoreUnavailableError)
    return new ApiProblem('OBJECTS_UNAVAILABLE', 'The object store did not answer.', options);
  if (error instanceof EngineUnavailableError) return new ApiProblem('ENGINE_UNAVAILABLE', 'The engine could not be reached.', options);
  if (error instanceof InvalidCursorError) return new ApiProblem('INVALID_REQUEST', 'cursor: not a cursor of this list');
  if (error instanceof HTTPException && error.status < 500) return new ApiProblem('INVALID_REQUEST', error.message);
  return new ApiProblem('INTERNAL', 'Something went wrong on our side; the log knows it by the request id.', { cause: error });
};

/** The one place where errors become answers. What isn't known is logged and told without a detail. */
export const errors =
  (log: Log): ErrorHandler<ApiEnvironment> =>
  (error, c: Context<ApiEnvironment>) => {
    const problem = problemOf(error);
    const { status, title, remedy, retryable = false } = problem.kind;
    const request_id = c.get('requestId');
    if (status >= 500) log.error({ request_id, code: problem.code, err: error }, 'request failed');
    const body: Problem = {
      type: `urn:codebay:problem:${problem.code}`,
      title,
      status,
      code: problem.code,
      detail: problem.message,
      remedy,
      retryable,
      request_id,
    };
    const headers: Record<string, string> = { 'content-type': 'application/problem+json' };
    if (problem.retryAfterMs !== undefined) headers['retry-after'] = String(Math.max(1, Math.ceil(problem.retryAfterMs / 1000)));
    if (status === 401) headers['www-authenticate'] = 'Bearer';
    return c.body(JSON.stringify(body), status, headers);
  };
