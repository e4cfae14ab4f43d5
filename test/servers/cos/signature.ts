import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { CosError } from './cos-error.ts';

export interface CosCredentials {
  readonly secretId: string;
  readonly secretKey: string;
  /** Of temporary credentials: sent with each request. */
  readonly token?: string;
}

/** A request as its signature covers it. */
export interface SignedRequest {
  readonly method: string;
  /** Decoded, with its first slash. */
  readonly path: string;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly query: ReadonlyMap<string, string>;
}

/** How far a signature's start may lie in the future. */
const SKEW_SECONDS = 15 * 60;
const FIELDS = ['q-sign-algorithm', 'q-ak', 'q-sign-time', 'q-key-time', 'q-header-list', 'q-url-param-list', 'q-signature'] as const;
type Signature = Readonly<Record<(typeof FIELDS)[number], string>>;

const hmac = (key: string, text: string): string => createHmac('sha1', key).update(text).digest('hex');

const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** `name=value` of the listed names, as they are hashed; a listed name that the request lacks counts as empty. */
const listed = (names: readonly string[], values: ReadonlyMap<string, string>): string =>
  names.map((name) => `${name}=${encode(values.get(decodeURIComponent(name)) ?? '')}`).join('&');

const namesOf = (list: string): string[] => list.split(';').filter((name) => name !== '');

/** The signature of a request by Tencent's "Request Signature" (document 436/7778). */
export const signatureOf = (
  request: SignedRequest,
  secretKey: string,
  times: { readonly keyTime: string; readonly signTime: string },
  lists: { readonly headers: readonly string[]; readonly parameters: readonly string[] },
): string => {
  const http = `${request.method.toLowerCase()}\n${request.path}\n${listed(lists.parameters, request.query)}\n${listed(lists.headers, request.headers)}\n`;
  const hash = createHash('sha1').update(http).digest('hex');
  return hmac(hmac(secretKey, times.keyTime), `sha1\n${times.signTime}\n${hash}\n`);
};

const parse = (request: SignedRequest): Signature => {
  const header = request.headers.get('authorization');
  const given =
    header === undefined
      ? request.query
      : new Map(header.split('&').map((part) => [part.split('=')[0] ?? '', part.replace(/^[^=]*=/, '')]));
  const found = Object.fromEntries(FIELDS.map((name) => [name, given.get(name)]));
  if (Object.values(found).includes(undefined)) throw new CosError(403, 'AccessDenied', 'Access Denied.');
  return found as Signature;
};

/** Throws what COS answers to a request that isn't signed by these credentials, for this host and for now. */
export const checkSignature = (request: SignedRequest, credentials: CosCredentials, nowMs: number): void => {
  const signature = parse(request);
  if (signature['q-sign-algorithm'] !== 'sha1') throw new CosError(400, 'InvalidArgument', 'q-sign-algorithm must be sha1');
  if (signature['q-ak'] !== credentials.secretId) {
    throw new CosError(403, 'InvalidAccessKeyId', 'The Access Key Id you provided does not exist in our records.');
  }
  const token = request.headers.get('x-cos-security-token') ?? request.query.get('x-cos-security-token');
  if (token !== credentials.token) throw new CosError(403, 'AccessDenied', 'The security token is not valid.');
  for (const times of [signature['q-sign-time'], signature['q-key-time']]) {
    const [start, end] = times.split(';').map(Number);
    if (start === undefined || end === undefined || !(start <= end))
      throw new CosError(403, 'AccessDenied', 'The time range is not valid.');
    if (nowMs / 1000 > end) throw new CosError(403, 'AccessDenied', 'Request has expired');
    if (nowMs / 1000 < start - SKEW_SECONDS) {
      throw new CosError(403, 'RequestTimeTooSkewed', "The difference between the request time and the server's time is too large.");
    }
  }
  const headers = namesOf(signature['q-header-list']);
  if (!headers.includes('host')) throw new CosError(403, 'AccessDenied', 'Host must be signed.');
  const times = { keyTime: signature['q-key-time'], signTime: signature['q-sign-time'] };
  const expected = Buffer.from(
    signatureOf(request, credentials.secretKey, times, { headers, parameters: namesOf(signature['q-url-param-list']) }),
  );
  const given = Buffer.from(signature['q-signature']);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new CosError(403, 'SignatureDoesNotMatch', 'The Signature you specified is invalid.');
  }
};
