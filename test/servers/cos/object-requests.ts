import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type BucketFiles, openObject, type StoredObject } from './bucket-files.ts';
import { CosError } from './cos-error.ts';
import { answer, type Exchange, faulty } from './exchange.ts';

const base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64');

/** The body as it comes in, checked against what the request says of it. */
export const receive = async (exchange: Exchange, files: BucketFiles) => {
  const { 'content-md5': md5, 'content-length': length } = exchange.request.headers;
  if (length === undefined) throw new CosError(411, 'MissingContentLength', 'You must provide the Content-Length HTTP header.');
  const stored = await files.write(faulty(exchange.request, exchange));
  if (stored.sizeBytes === Number(length) && (md5 === undefined || md5 === base64(stored.md5))) return stored;
  files.removeFiles([stored]);
  throw new CosError(400, 'BadDigest', 'The Content-MD5 you specified did not match what we received.');
};

export const putObject = async (exchange: Exchange, files: BucketFiles, now: number): Promise<void> => {
  const stored = await receive(exchange, files);
  files.commit({
    key: exchange.key,
    files: [stored],
    sizeBytes: stored.sizeBytes,
    etag: `"${stored.md5}"`,
    crc64: stored.crc64,
    contentType: exchange.request.headers['content-type'] ?? 'application/octet-stream',
    modifiedAt: now,
  });
  answer(exchange, 200, { ETag: `"${stored.md5}"`, 'x-cos-hash-crc64ecma': stored.crc64 });
};

const found = ({ key }: Exchange, files: BucketFiles): StoredObject => {
  const object = files.objects.get(key);
  if (object === undefined) throw new CosError(404, 'NoSuchKey', 'The specified key does not exist.');
  return object;
};

/** As COS writes header names; Python's SDK minds. */
const casedName = (name: string): string => name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());

const headersOf = (object: StoredObject, query: ReadonlyMap<string, string>): Record<string, string> => {
  const overrides = [...query]
    .filter(([name]) => name.startsWith('response-'))
    .map(([name, value]) => [casedName(name.slice('response-'.length)), value]);
  return {
    'Content-Type': object.contentType,
    ETag: object.etag,
    'Last-Modified': new Date(object.modifiedAt).toUTCString(),
    'Accept-Ranges': 'bytes',
    'x-cos-hash-crc64ecma': object.crc64,
    ...Object.fromEntries(overrides),
  };
};

export const headObject = (exchange: Exchange, files: BucketFiles): void => {
  const object = found(exchange, files);
  answer(exchange, 200, { ...headersOf(object, exchange.query), 'Content-Length': String(object.sizeBytes) });
};

/** `[start, end)` of a Range header; null where it asks for nothing that is there. */
const rangeOf = (header: string, sizeBytes: number): readonly [number, number] | null => {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(header) ?? [];
  if (from === '') return to === '' ? null : [Math.max(sizeBytes - Number(to), 0), sizeBytes];
  const end = to === '' ? sizeBytes : Math.min(Number(to) + 1, sizeBytes);
  return Number(from) < end ? [Number(from), end] : null;
};

async function* damaged(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let first = true;
  for await (const chunk of body) {
    if (first) chunk[0] = (chunk[0] ?? 0) ^ 1;
    first = false;
    yield chunk;
  }
}

export const getObject = async (exchange: Exchange, files: BucketFiles): Promise<void> => {
  const { request, response, query, fault } = exchange;
  const object = found(exchange, files);
  const { range, 'if-match': match } = request.headers;
  if (match !== undefined && match !== object.etag) throw new CosError(412, 'PreconditionFailed', 'The If-Match condition does not hold.');
  const part = range === undefined ? ([0, object.sizeBytes] as const) : rangeOf(range, object.sizeBytes);
  if (part === null) throw new CosError(416, 'InvalidRange', 'The requested range is not satisfiable.');
  const [start, end] = part;
  const body = openObject(files.data, object, start, end);
  const partial = range === undefined ? {} : { 'Content-Range': `bytes ${start}-${end - 1}/${object.sizeBytes}` };
  const wrong = fault?.kind === 'wrong_crc' ? { 'x-cos-hash-crc64ecma': '1' } : {};
  response.writeHead(range === undefined ? 200 : 206, {
    ...headersOf(object, query),
    'Content-Length': String(end - start),
    ...partial,
    ...wrong,
  });
  response.flushHeaders();
  await pipeline(Readable.from(faulty(fault?.kind === 'damage' ? damaged(body) : body, exchange), { objectMode: false }), response);
};

export const deleteObject = (exchange: Exchange, files: BucketFiles): void => {
  files.remove(exchange.key);
  answer(exchange, 204);
};
