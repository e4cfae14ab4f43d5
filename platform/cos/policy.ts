import { ARTIFACTS_PREFIX, SETUP_PREFIX, TEMPORARY_PREFIXES } from '../../tasks/object-keys.ts';
import type { CosOptions } from './options.ts';

const PUT = ['PutObject', 'InitiateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload', 'AbortMultipartUpload', 'HeadObject'];
const GET = ['GetObject', 'HeadObject'];
const DELETE = ['DeleteObject', 'DeleteMultipleObjects', 'AbortMultipartUpload'];
/** Of a bucket as a whole. */
const LIST = ['GetBucket', 'ListMultipartUploads'];

interface Statement {
  readonly effect: 'allow';
  readonly action: readonly string[];
  readonly resource: readonly string[];
}

/** A policy of Tencent's Cloud Access Management. */
export interface CamPolicy {
  readonly version: '2.0';
  readonly statement: readonly Statement[];
}

/** The least that the keys of API and worker need, and of `codebay admin cos` itself. */
export const camPolicies = ({ region, codeBucket, logsBucket }: Pick<CosOptions, 'region' | 'codeBucket' | 'logsBucket'>) => {
  const resource = (bucket: string, prefix: string): string => `qcs::cos:${region}:uid/${bucket.split('-').at(-1)}:${bucket}/${prefix}*`;
  const allow = (actions: readonly string[], bucket: string, ...prefixes: readonly string[]): Statement => ({
    effect: 'allow',
    action: actions.map((action) => `name/cos:${action}`),
    resource: prefixes.map((prefix) => resource(bucket, prefix)),
  });
  const policy = (...statement: readonly Statement[]): CamPolicy => ({ version: '2.0', statement });
  // Erasing a task (API) and retention (worker) remove everything of it.
  const remove = [
    allow(DELETE, codeBucket, ...TEMPORARY_PREFIXES),
    allow(DELETE, logsBucket, ARTIFACTS_PREFIX),
    allow(LIST, codeBucket, ''),
    allow(LIST, logsBucket, ''),
  ];
  const lifecycle = ['GetBucketLifecycle', 'PutBucketLifecycle'];
  return {
    api: policy(
      allow(PUT, codeBucket, 'tmp_zips/', 'runs/', 'turns/', SETUP_PREFIX),
      allow(GET, codeBucket, ...TEMPORARY_PREFIXES),
      allow(GET, logsBucket, ARTIFACTS_PREFIX),
      ...remove,
    ),
    worker: policy(
      allow(PUT, codeBucket, 'processed_code/'),
      allow(PUT, logsBucket, ARTIFACTS_PREFIX),
      allow(GET, codeBucket, 'tmp_zips/', 'runs/'),
      ...remove,
    ),
    admin: policy(allow(lifecycle, codeBucket, ''), allow(lifecycle, logsBucket, '')),
  };
};
