import { ObjectStoreRefusedError, ObjectStoreUnavailableError } from '../../tasks/ports/object-store.ts';
import { CosAnswerError, mayPass } from './exchange-errors.ts';

/** The environment's name of the bucket that was asked. */
export type BucketSetting = 'CODEBAY_COS_CODE_BUCKET' | 'CODEBAY_COS_LOGS_BUCKET';

/** What an operator has to mend, by COS's code. */
const remedyOf = ({ code, status }: CosAnswerError, bucket: BucketSetting): string => {
  switch (code) {
    case 'SignatureDoesNotMatch':
      return 'CODEBAY_COS_SECRET_KEY is not the key of CODEBAY_COS_SECRET_ID';
    case 'InvalidAccessKeyId':
      return 'CODEBAY_COS_SECRET_ID is not known';
    case 'NoSuchBucket':
      return `there is no such bucket as ${bucket} in CODEBAY_COS_REGION`;
    case 'RequestTimeTooSkewed':
      return "this machine's clock is wrong";
    default:
      return status === 403
        ? `the key of CODEBAY_COS_SECRET_ID may not do this in ${bucket}; \`codebay admin cos\` prints the policy it needs`
        : 'the request was refused';
  }
};

/** The one place where what COS and its connections throw becomes the port's errors. Names settings, never their values. */
export const toPortError = (error: unknown, bucket: BucketSetting): unknown => {
  // A deletion of everything below the prefix has taken the upload away; who put it decides whether to do so again.
  const removed = error instanceof CosAnswerError && error.code === 'NoSuchUpload';
  if (removed || mayPass(error)) {
    return new ObjectStoreUnavailableError(`COS can't be used now: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
  if (error instanceof CosAnswerError) {
    return new ObjectStoreRefusedError(`COS: ${remedyOf(error, bucket)} (${error.status} ${error.code}, request ${error.requestId})`);
  }
  return error;
};
