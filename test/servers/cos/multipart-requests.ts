import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { combineCrc64 } from '../../../platform/cos/crc64.ts';
import type { BucketFiles, StoredFile } from './bucket-files.ts';
import { CosError, escapeXml } from './cos-error.ts';
import { answer, type Exchange, elements, textsOf } from './exchange.ts';
import { receive } from './object-requests.ts';

const MIN_PART_BYTES = 1024 * 1024;
const MAX_PART = 10_000;

export interface Upload {
  readonly id: string;
  readonly key: string;
  readonly initiatedAt: number;
  readonly contentType: string;
  readonly parts: Map<number, StoredFile>;
}

/** Unfinished uploads of one bucket, in a file each. */
export const createUploads = (root: string) => {
  const folder = join(root, 'uploads');
  mkdirSync(folder, { recursive: true });
  const fileOf = (id: string): string => join(folder, `${id}.json`);
  const all = new Map<string, Upload>();
  for (const name of readdirSync(folder)) {
    const upload = JSON.parse(readFileSync(join(folder, name), 'utf8'));
    all.set(upload.id, { ...upload, parts: new Map(upload.parts) });
  }
  return {
    all,
    save: (upload: Upload): void => {
      all.set(upload.id, upload);
      writeFileSync(fileOf(upload.id), JSON.stringify({ ...upload, parts: [...upload.parts] }));
    },
    forget: ({ id }: Upload): void => {
      all.delete(id);
      if (existsSync(fileOf(id))) rmSync(fileOf(id));
    },
  };
};
export type Uploads = ReturnType<typeof createUploads>;

const found = ({ key, query }: Exchange, uploads: Uploads): Upload => {
  const upload = uploads.all.get(query.get('uploadid') ?? '');
  if (upload?.key !== key) throw new CosError(404, 'NoSuchUpload', 'The specified multipart upload does not exist.');
  return upload;
};

const named = ({ bucket, key }: Exchange, uploadId: string): string =>
  `<Bucket>${bucket}</Bucket><Key>${escapeXml(key)}</Key><UploadId>${uploadId}</UploadId>`;

export const initiate = (exchange: Exchange, uploads: Uploads, now: number): void => {
  const contentType = exchange.request.headers['content-type'] || 'application/octet-stream';
  const upload: Upload = { id: randomUUID().replaceAll('-', ''), key: exchange.key, initiatedAt: now, contentType, parts: new Map() };
  uploads.save(upload);
  answer(exchange, 200, {}, `<InitiateMultipartUploadResult>${named(exchange, upload.id)}</InitiateMultipartUploadResult>`);
};

export const uploadPart = async (exchange: Exchange, uploads: Uploads, files: BucketFiles): Promise<void> => {
  found(exchange, uploads);
  const number = Number(exchange.query.get('partnumber'));
  if (!Number.isInteger(number) || number < 1 || number > MAX_PART)
    throw new CosError(400, 'InvalidArgument', 'partNumber is out of range');
  const stored = await receive(exchange, files);
  if (!uploads.all.has(exchange.query.get('uploadid') ?? '')) files.removeFiles([stored]);
  const upload = found(exchange, uploads);
  const before = upload.parts.get(number);
  upload.parts.set(number, stored);
  uploads.save(upload);
  if (before !== undefined) files.removeFiles([before]);
  answer(exchange, 200, { ETag: `"${stored.md5}"`, 'x-cos-hash-crc64ecma': stored.crc64 });
};

/** The parts that the client lists, each as it was uploaded. */
const listedParts = (xml: string, upload: Upload): StoredFile[] => {
  const listed = elements(xml, 'Part').map((part) => ({ number: Number(textsOf(part, 'PartNumber')[0]), etag: textsOf(part, 'ETag')[0] }));
  if (listed.length === 0) throw new CosError(400, 'MalformedXML', 'The XML lists no part.');
  return listed.map(({ number, etag }, at) => {
    const part = upload.parts.get(number);
    if (part === undefined || `"${part.md5}"` !== etag)
      throw new CosError(400, 'InvalidPart', 'One or more of the specified parts could not be found.');
    if (at > 0 && number <= (listed[at - 1]?.number ?? 0))
      throw new CosError(400, 'InvalidPartOrder', 'The list of parts was not in ascending order.');
    if (at < listed.length - 1 && part.sizeBytes < MIN_PART_BYTES) throw new CosError(400, 'EntityTooSmall', 'A part is too small.');
    return part;
  });
};

export const complete = (exchange: Exchange, uploads: Uploads, files: BucketFiles, now: number, xml: string): void => {
  const upload = found(exchange, uploads);
  const parts = listedParts(xml, upload);
  const md5 = createHash('md5');
  for (const part of parts) md5.update(part.md5, 'hex');
  const etag = `"${md5.digest('hex')}-${parts.length}"`;
  const crc64 = parts.reduce((crc, part) => combineCrc64(crc, BigInt(part.crc64), part.sizeBytes), 0n).toString();
  const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  files.commit({ key: upload.key, files: parts, sizeBytes, etag, crc64, contentType: upload.contentType, modifiedAt: now });
  files.removeFiles([...upload.parts.values()].filter((part) => !parts.includes(part)));
  uploads.forget(upload);
  const { bucket, key } = exchange;
  const location = `http://${exchange.request.headers.host}/${key}`;
  answer(
    exchange,
    200,
    { 'x-cos-hash-crc64ecma': crc64 },
    `<CompleteMultipartUploadResult><Location>${escapeXml(location)}</Location><Bucket>${bucket}</Bucket><Key>${escapeXml(key)}</Key><ETag>${escapeXml(etag)}</ETag></CompleteMultipartUploadResult>`,
  );
};

export const abort = (exchange: Exchange, uploads: Uploads, files: BucketFiles): void => {
  const upload = found(exchange, uploads);
  uploads.forget(upload);
  files.removeFiles([...upload.parts.values()]);
  answer(exchange, 204);
};

export const listParts = (exchange: Exchange, uploads: Uploads): void => {
  const upload = found(exchange, uploads);
  const parts = [...upload.parts]
    .sort(([a], [b]) => a - b)
    .map(
      ([number, { md5, sizeBytes }]) =>
        `<Part><PartNumber>${number}</PartNumber><ETag>&quot;${md5}&quot;</ETag><Size>${sizeBytes}</Size></Part>`,
    );
  answer(
    exchange,
    200,
    {},
    `<ListPartsResult>${named(exchange, upload.id)}<IsTruncated>false</IsTruncated>${parts.join('')}</ListPartsResult>`,
  );
};
