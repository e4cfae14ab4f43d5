import { refusalOf, type StationOffer } from '../../tasks/admission.ts';
import { TASK_MAX_BYTES } from '../../tasks/limits.ts';
import { taskSpecSchema } from '../../tasks/spec.ts';
import { parseJson, readCapped } from '../capped-body.ts';
import { ApiProblem } from '../problem.ts';
import type { Submission } from './accept.ts';
import { readUpload, type Upload } from './multipart.ts';

/** What a form adds to its zip. */
const FORM_OVERHEAD_BYTES = TASK_MAX_BYTES + 64 * 1024;

const mediaTypeOf = (request: Request): string => request.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? '';

const readForm = async (request: Request, zipBytes: number): Promise<Upload> => {
  if (Number(request.headers.get('content-length') ?? 0) > zipBytes + FORM_OVERHEAD_BYTES) {
    throw new ApiProblem('ZIP_TOO_LARGE', `The zip is larger than ${zipBytes} bytes.`);
  }
  return readUpload(request, TASK_MAX_BYTES);
};

/** Reads and checks a submission up to the first byte of its zip. */
export const readSubmission = async (
  request: Request,
  owner: string,
  options: StationOffer & { readonly zipBytes: number },
): Promise<Submission> => {
  const type = mediaTypeOf(request);
  if (type !== 'application/json' && type !== 'multipart/form-data') {
    throw new ApiProblem('UNSUPPORTED_MEDIA_TYPE', `The Content-Type is ${type === '' ? 'absent' : 'another'}.`);
  }
  const upload = type === 'multipart/form-data' ? await readForm(request, options.zipBytes) : null;
  try {
    const spec = parseJson(taskSpecSchema, upload?.task ?? (await readCapped(request, TASK_MAX_BYTES)), 'INVALID_TASK');
    const refusal = refusalOf(spec, options);
    if (refusal !== null) throw new ApiProblem(refusal.code, refusal.detail);
    const code = upload?.code ?? null;
    if (spec.source.type === 'zip' && (upload === null || code === null)) {
      throw new ApiProblem('INVALID_TASK', 'source: a zip is sent as multipart/form-data, `task` first, then `code`.');
    }
    if (spec.source.type === 'git' && code !== null) throw new ApiProblem('INVALID_TASK', 'source: a Git source comes without `code`.');
    return { owner, spec, upload: upload === null || code === null ? null : { ...upload, code }, signal: request.signal };
  } catch (error) {
    upload?.code?.destroy();
    throw error;
  }
};
