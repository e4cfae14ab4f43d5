import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { Readable } from 'node:stream';

/**
 * `fetch` over node:http, one connection a request. The built-in one gives up after 300 s without a header or a byte,
 * whatever the caller's own time-out is, and costs more to load. Only string bodies; no redirects are followed.
 */
export const httpFetch = (input: string | URL | Request, init: RequestInit = {}): Promise<Response> =>
  new Promise((resolve, reject) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    const headers = Object.fromEntries(new Headers(init.headers));
    const body = typeof init.body === 'string' ? init.body : undefined;
    const options = { method: init.method ?? 'GET', headers, agent: false, ...(init.signal ? { signal: init.signal } : {}) };
    const outgoing = send(url, options, (incoming) => {
      const received = new Headers();
      for (const [name, value] of Object.entries(incoming.headersDistinct)) for (const item of value ?? []) received.append(name, item);
      const status = incoming.statusCode ?? 502;
      const empty = status === 204 || status === 304;
      if (empty) incoming.resume();
      resolve(new Response(empty ? null : (Readable.toWeb(incoming) as ReadableStream<Uint8Array>), { status, headers: received }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
