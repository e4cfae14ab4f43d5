import COS from 'cos-nodejs-sdk-v5';
import { z } from 'zod';
import type { CosClient } from './client.ts';
import { md5Header } from './content-md5.ts';
import { CosAnswerError, CosConnectionError } from './exchange-errors.ts';
import { withRetries } from './retry.ts';

/** An element that may be missing, there once or more often, as the SDK's parser shows it. */
const many = <T extends z.ZodType>(item: T) => z.union([z.array(item), item.transform((one) => [one])]).default([]);

const pageSchema = z.object({
  ListBucketResult: z.object({
    IsTruncated: z.string(),
    NextMarker: z.string().optional(),
    Contents: many(z.object({ Key: z.string() })),
  }),
});
const uploadsSchema = z.object({
  ListMultipartUploadsResult: z.object({
    IsTruncated: z.string(),
    NextKeyMarker: z.string().optional(),
    NextUploadIdMarker: z.string().optional(),
    Upload: many(z.object({ Key: z.string(), UploadId: z.string() })),
  }),
});
const deletedSchema = z.object({
  DeleteResult: z.union([z.object({ Error: many(z.object({ Key: z.string(), Code: z.string() })) }), z.literal('')]),
});

/** Keys are listed URL-encoded, because XML can't hold every character. */
const decoded = (key: string): string => decodeURIComponent(key);

const deleteObjects = async (client: CosClient, bucket: string, keys: readonly string[]): Promise<void> => {
  let left = keys;
  await withRetries(client.timing, undefined, async () => {
    const body = Buffer.from(COS.util.json2xml({ Delete: { Quiet: 'true', Object: left.map((Key) => ({ Key })) } }));
    const headers = { 'content-type': 'application/xml', 'content-md5': md5Header(body) };
    const { xml } = await client.call({ method: 'POST', bucket, key: '', query: { delete: '' }, headers, body });
    const result = deletedSchema.parse(xml).DeleteResult;
    const errors = result === '' ? [] : result.Error.filter(({ Code }) => Code !== 'NoSuchKey');
    left = errors.map(({ Key }) => Key);
    const [error] = errors;
    if (error === undefined) return;
    if (error.Code === 'AccessDenied')
      throw new CosAnswerError({ status: 403, code: error.Code, requestId: 'of a deletion', serverTimeMs: null });
    throw new CosConnectionError(`${errors.length} objects were not deleted (${error.Code})`);
  });
};

const abortUploads = async (client: CosClient, bucket: string, prefix: string): Promise<void> => {
  let markers: Readonly<Record<string, string>> = {};
  for (let more = true; more; ) {
    const query = { uploads: '', prefix, 'encoding-type': 'url', ...markers };
    const page = uploadsSchema.parse((await client.call({ method: 'GET', bucket, key: '', query })).xml).ListMultipartUploadsResult;
    for (const { Key, UploadId } of page.Upload) {
      await client.call({ method: 'DELETE', bucket, key: decoded(Key), query: { uploadId: UploadId } }).catch((error: unknown) => {
        // It was completed or aborted meanwhile.
        if (!(error instanceof CosAnswerError && error.code === 'NoSuchUpload')) throw error;
      });
    }
    more = page.IsTruncated === 'true';
    markers = { 'key-marker': decoded(page.NextKeyMarker ?? ''), 'upload-id-marker': page.NextUploadIdMarker ?? '' };
  }
};

/** Deletes every object whose key starts with the prefix, a page of 1,000 at a time, after the uploads under way there. */
export const deletePrefix = async (client: CosClient, bucket: string, prefix: string): Promise<void> => {
  await abortUploads(client, bucket, prefix);
  let marker = '';
  for (let more = true; more; ) {
    const query = { prefix, 'encoding-type': 'url', ...(marker === '' ? {} : { marker }) };
    const page = pageSchema.parse((await client.call({ method: 'GET', bucket, key: '', query })).xml).ListBucketResult;
    const keys = page.Contents.map(({ Key }) => decoded(Key));
    if (keys.length > 0) await deleteObjects(client, bucket, keys);
    more = page.IsTruncated === 'true';
    marker = page.NextMarker === undefined ? (keys.at(-1) ?? '') : decoded(page.NextMarker);
  }
};
