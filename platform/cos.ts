import { ARTIFACTS_PREFIX } from '../tasks/object-keys.ts';
import type { ObjectStore } from '../tasks/ports/object-store.ts';
import { createCosClient } from './cos/client.ts';
import { createCrc64 } from './cos/crc64.ts';
import { deletePrefix } from './cos/delete-prefix.ts';
import { download } from './cos/download.ts';
import { CosAnswerError } from './cos/exchange-errors.ts';
import type { CosOptions } from './cos/options.ts';
import { type BucketSetting, toPortError } from './cos/port-errors.ts';
import { upload } from './cos/upload.ts';
import { checkObjectKey, checkObjectPrefix } from './object-key.ts';

/** RFC 6266: a plain name for old clients, the true one in RFC 5987's encoding. */
const attachment = (filename: string): string => {
  const encoded = encodeURIComponent(filename).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return `attachment; filename="${filename.replace(/[^\w.-]/g, '_')}"; filename*=UTF-8''${encoded}`;
};

/**
 * Objects in two buckets of Tencent COS: artifacts (`logs/`) in one, all else in the other. What fails for now is an
 * `ObjectStoreUnavailableError`, what an operator has to mend an `ObjectStoreRefusedError`.
 */
export const createCosStore = (options: CosOptions): ObjectStore => {
  const client = createCosClient(options);
  const crc = createCrc64();
  const settingOf = (key: string): BucketSetting =>
    key.startsWith(ARTIFACTS_PREFIX) ? 'CODEBAY_COS_LOGS_BUCKET' : 'CODEBAY_COS_CODE_BUCKET';
  const bucketOf = (key: string): string => (settingOf(key) === 'CODEBAY_COS_LOGS_BUCKET' ? options.logsBucket : options.codeBucket);
  const nameOf = (key: string) => {
    checkObjectKey(key);
    return { bucket: bucketOf(key), key };
  };
  /** Runs a call whose errors leave it as the port's. */
  const forPort = async <T>(key: string, call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (error) {
      throw toPortError(error, settingOf(key));
    }
  };

  return {
    put: async (key, body, { maxBytes = Number.POSITIVE_INFINITY, signal } = {}) => {
      // A source that fails before its first byte is read must not be an uncaught error; whoever reads it reports it.
      body.on('error', () => {});
      try {
        const name = nameOf(key);
        signal?.throwIfAborted();
        return await forPort(key, () => upload(client, crc, name, body, { maxBytes, signal }));
      } catch (error) {
        body.destroy();
        throw error;
      }
    },
    get: (key, { signal } = {}) =>
      forPort(key, () => {
        const name = nameOf(key);
        signal?.throwIfAborted();
        return download(client, crc, name, { signal, mapError: (error) => toPortError(error, settingOf(key)) });
      }),
    stat: (key) =>
      forPort(key, async () => {
        const found = await client.call({ ...nameOf(key), method: 'HEAD' }).catch((error: unknown) => {
          if (error instanceof CosAnswerError && error.status === 404) return null;
          throw error;
        });
        return found === null ? null : { sizeBytes: Number(found.headers['content-length']) };
      }),
    deletePrefix: (prefix) =>
      forPort(prefix, async () => {
        checkObjectPrefix(prefix);
        await deletePrefix(client, bucketOf(prefix), prefix);
      }),
    presign: async (key, { expiresInMs, filename, contentType }) => {
      const query = { 'response-content-disposition': attachment(filename), 'response-content-type': contentType };
      return client.link({ ...nameOf(key), method: 'GET', query }, expiresInMs);
    },
  };
};
