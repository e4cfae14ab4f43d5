import COS from 'cos-nodejs-sdk-v5';
import type { CosOptions, CosRequest } from './options.ts';

/** How long a signed request may be on its way. */
const REQUEST_SECONDS = 900;
/** The start lies back a little, for a clock that is ahead. */
const BACKDATED_SECONDS = 5;

export interface Signer {
  readonly hostOf: (bucket: string) => string;
  /** Path and query as they are sent. */
  readonly pathOf: (request: CosRequest) => string;
  /** All headers to send with the request, `authorization` among them. `nowMs` is the server's time as far as it is known. */
  readonly headersOf: (request: CosRequest, nowMs: number) => Record<string, string>;
  /** A query that signs a request without headers until `expiresAtMs`. */
  readonly signedQuery: (request: CosRequest, nowMs: number, expiresAtMs: number) => string;
}

const encodeQuery = (query: Readonly<Record<string, string>>): string =>
  Object.entries(query)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&');

/** Signs with the SDK's `getAuthorization`. */
export const createSigner = ({ secretId, secretKey, region }: CosOptions): Signer => {
  const hostOf = (bucket: string): string => `${bucket}.cos.${region}.myqcloud.com`;
  const authorize = ({ method, key, query = {} }: CosRequest, headers: Readonly<Record<string, string>>, keyTime: string): string =>
    COS.getAuthorization({
      SecretId: secretId,
      SecretKey: secretKey,
      // The SDK signs its own HEAD requests in the same way; only this type leaves them out.
      Method: method as Exclude<CosRequest['method'], 'HEAD'>,
      Pathname: `/${key}`,
      Query: query,
      Headers: headers,
      KeyTime: keyTime,
    });
  const pathOf = ({ key, query = {} }: CosRequest): string => {
    const path = `/${key.split('/').map(encodeURIComponent).join('/')}`;
    return Object.keys(query).length === 0 ? path : `${path}?${encodeQuery(query)}`;
  };

  return {
    hostOf,
    pathOf,
    headersOf: (request, nowMs) => {
      const length: Record<string, string> = request.body === undefined ? {} : { 'content-length': String(request.body.length) };
      const headers = { ...request.headers, ...length, host: hostOf(request.bucket) };
      const start = Math.floor(nowMs / 1000) - BACKDATED_SECONDS;
      return { ...headers, authorization: authorize(request, headers, `${start};${start + REQUEST_SECONDS}`) };
    },
    signedQuery: (request, nowMs, expiresAtMs) => {
      const keyTime = `${Math.floor(nowMs / 1000) - BACKDATED_SECONDS};${Math.floor(expiresAtMs / 1000) - 1}`;
      const signature = Object.fromEntries(new URLSearchParams(authorize(request, { host: hostOf(request.bucket) }, keyTime)));
      return encodeQuery({ ...request.query, ...signature });
    },
  };
};
