import type { Hono } from 'hono';

/** What the middleware leaves for the routes. */
export interface ApiEnvironment {
  Variables: {
    requestId: string;
    /** Whose API key it was; set on everything below /v1. */
    owner: string;
    /** An answer that was made with its standard headers. */
    complete: Response;
  };
}

export type ApiRouter = Hono<ApiEnvironment>;
