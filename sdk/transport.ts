import type { z } from 'zod';
import { type Problem, problemSchema } from '../tasks/problem.ts';
import { CodebayError } from './error.ts';

export interface TransportOptions {
  /** Where the API listens, such as `http://127.0.0.1:8420`. */
  readonly url: string;
  readonly apiKey: string;
  readonly fetch?: typeof fetch;
}

export interface TransportRequest extends RequestInit {
  /** Undici needs it for streamed bodies; the DOM types don't know it. */
  readonly duplex?: 'half';
}

export interface Transport {
  /** The response to a path of the API; anything but 2xx or 3xx throws `CodebayError`. */
  request(path: string, init?: TransportRequest): Promise<Response>;
  json<T extends z.ZodType>(schema: T, path: string, init?: TransportRequest): Promise<z.output<T>>;
}

const localProblem = (code: string, title: string, detail: string, remedy: string, status = 0): Problem => ({
  type: 'about:blank',
  title,
  status,
  code,
  detail,
  remedy,
  retryable: true,
  request_id: '',
});

const problemOf = async (response: Response): Promise<Problem> => {
  const body = await response.text();
  try {
    return problemSchema.parse(JSON.parse(body));
  } catch {
    const detail = `the server answered ${response.status} without saying why`;
    return localProblem('UNEXPECTED_ANSWER', 'Not an answer of Codebay', detail, 'Check the URL of the API.', response.status);
  }
};

const retryAfterOf = (response: Response): number | null => {
  const seconds = Number.parseInt(response.headers.get('retry-after') ?? '', 10);
  return Number.isNaN(seconds) ? null : seconds * 1000;
};

/** Speaks to one API with one key. */
export const createTransport = (options: TransportOptions): Transport => {
  const send = options.fetch ?? fetch;
  const unreachable = (detail: string, cause: unknown): CodebayError =>
    new CodebayError(localProblem('UNREACHABLE', 'The API did not answer', detail, 'Check that the station is up (`codebay up`).'), {
      cause,
    });
  const request = async (path: string, init: TransportRequest = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${options.apiKey}`);
    let response: Response;
    try {
      response = await send(new URL(path, options.url), { ...init, headers });
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw unreachable(`nothing answers at ${options.url}.`, error);
    }
    if (response.status < 400) return response;
    throw new CodebayError(await problemOf(response), { retryAfterMs: retryAfterOf(response) });
  };
  return {
    request,
    json: async (schema, path, init) => {
      const response = await request(path, init);
      const text = await response.text().catch((error: unknown) => {
        if (init?.signal?.aborted) throw error;
        throw unreachable(`the answer of ${options.url} broke off.`, error);
      });
      return schema.parse(JSON.parse(text));
    },
  };
};
