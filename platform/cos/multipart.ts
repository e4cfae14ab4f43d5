import COS from 'cos-nodejs-sdk-v5';
import { z } from 'zod';
import type { CosClient } from './client.ts';
import { md5Header } from './content-md5.ts';
import { combineCrc64 } from './crc64.ts';
import { CosAnswerError } from './exchange-errors.ts';
import type { Part } from './parts.ts';

/** How long tidying up after a failure may take; what it can't remove the bucket's lifecycle does. */
const ABORT_MS = 5_000;

const initiatedSchema = z.object({ InitiateMultipartUploadResult: z.object({ UploadId: z.string() }) });

export interface ObjectName {
  readonly bucket: string;
  readonly key: string;
}

interface SentPart {
  readonly etag: string;
  readonly crc64: bigint;
  readonly sizeBytes: number;
}

/** One multipart upload. Each step is tried again while its failure may pass. */
export const startMultipart = async (client: CosClient, object: ObjectName, signal: AbortSignal | undefined) => {
  const { xml } = await client.call({ ...object, method: 'POST', query: { uploads: '' } }, { signal });
  const uploadId = initiatedSchema.parse(xml).InitiateMultipartUploadResult.UploadId;
  const sent: SentPart[] = [];

  /** Whether the object that stands there is what these parts make. */
  const isThere = async (crc64: bigint, sizeBytes: number): Promise<boolean> => {
    const { headers } = await client.call({ ...object, method: 'HEAD' }, { signal });
    return headers['x-cos-hash-crc64ecma'] === crc64.toString() && Number(headers['content-length']) === sizeBytes;
  };

  return {
    sendPart: async (number: number, { data, crc64 }: Part): Promise<void> => {
      const query = { partNumber: String(number), uploadId };
      const { headers } = await client.call({ ...object, method: 'PUT', query, body: data }, { signal, crc64 });
      sent[number - 1] = { etag: headers.etag ?? '', crc64, sizeBytes: data.length };
    },
    complete: async (): Promise<void> => {
      const parts = sent.map(({ etag }, at) => ({ PartNumber: at + 1, ETag: etag }));
      const body = Buffer.from(COS.util.json2xml({ CompleteMultipartUpload: { Part: parts } }));
      const crc64 = sent.reduce((crc, part) => combineCrc64(crc, part.crc64, part.sizeBytes), 0n);
      const sizeBytes = sent.reduce((sum, part) => sum + part.sizeBytes, 0);
      const headers = { 'content-type': 'application/xml', 'content-md5': md5Header(body) };
      try {
        await client.call({ ...object, method: 'POST', query: { uploadId }, headers, body }, { signal, crc64 });
      } catch (error) {
        // An earlier attempt may have been done and its answer lost: then the upload is gone and the object is there.
        if (error instanceof CosAnswerError && error.code === 'NoSuchUpload' && (await isThere(crc64, sizeBytes))) return;
        throw error;
      }
    },
    /** Forgets the parts, as far as that can be done now; the rest is left to the bucket's lifecycle, because the failure before this one is what counts. */
    abort: async (): Promise<void> => {
      await client
        .call({ ...object, method: 'DELETE', query: { uploadId } }, { signal: AbortSignal.timeout(ABORT_MS) })
        .catch(() => undefined);
    },
  };
};
