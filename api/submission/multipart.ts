import { pipeline, Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import busboy from 'busboy';
import { ApiProblem } from '../problem.ts';

export interface Upload {
  /** The text of the part `task`. */
  readonly task: string;
  /** The part `code`, to be read to its end or destroyed; null where the form has none. */
  readonly code: Readable | null;
  /** Resolves when the form ended as it should, after `code` was read. */
  readonly finished: Promise<void>;
  /** Why the form broke, if it did: whoever reads `code` sees only that it ended early. */
  readonly failure: () => ApiProblem | null;
}

const invalid = (detail: string, cause?: unknown) => new ApiProblem('INVALID_REQUEST', detail, { cause });

/**
 * Reads a form whose first part is `task` and whose second, if any, is `code`, up to the first byte of `code`: memory stays flat
 * whatever the size of the zip. Any other form is refused.
 */
export const readUpload = (request: Request, maxTaskBytes: number): Promise<Upload> =>
  new Promise((resolve, reject) => {
    if (request.body === null) throw invalid('The form is empty.');
    const body = Readable.fromWeb(request.body as ReadableStream<Uint8Array>);
    const parser = parserOf(request, maxTaskBytes);
    const finished = Promise.withResolvers<void>();
    // Whoever awaits it sees the failure; a form refused before that has told it already.
    finished.promise.catch(() => undefined);
    let task: string | null = null;
    let failure: ApiProblem | null = null;
    const refuse = (error: ApiProblem) => {
      if (failure !== null) return;
      failure = error;
      reject(error);
      finished.reject(error);
      body.destroy();
      parser.destroy(error);
    };

    parser.on('field', (name, value, { valueTruncated }) => {
      if (name !== 'task' || task !== null) return refuse(invalid(`The form has an unexpected field; send \`task\` once, then \`code\`.`));
      if (valueTruncated) return refuse(new ApiProblem('BODY_TOO_LARGE', `The part \`task\` is larger than ${maxTaskBytes} bytes.`));
      task = value;
    });
    parser.on('file', (name, code) => {
      // A broken form destroys the file with an error, also one that nobody reads yet.
      code.on('error', () => undefined);
      if (name !== 'code' || task === null) {
        return refuse(invalid('Send `task` as the first part, a plain field, and `code` as the second, a file.'));
      }
      resolve({ task, code, finished: finished.promise, failure: () => failure });
    });
    for (const limit of ['filesLimit', 'fieldsLimit', 'partsLimit'] as const) {
      parser.on(limit, () => refuse(invalid('The form has too many parts; send `task`, then `code`.')));
    }
    body.on('error', (error) => refuse(invalid('The upload was cut off.', error)));
    parser.on('error', (error) => refuse(error instanceof ApiProblem ? error : invalid('The form is broken.', error)));
    pipeline(body, parser, (error) => {
      if (error) return refuse(invalid('The form is broken or was cut off.', error));
      finished.resolve();
      if (task === null) return reject(invalid('The form has no part `task`.'));
      resolve({ task, code: null, finished: finished.promise, failure: () => failure });
    });
  });

const parserOf = (request: Request, maxTaskBytes: number): busboy.Busboy => {
  try {
    return busboy({
      headers: { 'content-type': request.headers.get('content-type') ?? '' },
      limits: { fields: 1, files: 1, parts: 3, fieldSize: maxTaskBytes, fieldNameSize: 64, headerPairs: 32 },
    });
  } catch (error) {
    throw invalid('The Content-Type of the form has no boundary.', error);
  }
};
