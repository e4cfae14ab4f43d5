import type { z } from 'zod';
import { ApiProblem, type ProblemCode } from './problem.ts';

/** The first problem of a zod error, with the field's path: `limits.steps: too big`. */
export const describeIssues = (error: z.ZodError): string =>
  error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.length === 0 ? 'body' : issue.path.map(String).join('.')}: ${issue.message}`)
    .join('; ');

/** Parses JSON that came from outside; a wrong field is named, never echoed. */
export const parseJson = <T extends z.ZodType>(schema: T, text: string, code: ProblemCode): z.output<T> => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ApiProblem('INVALID_REQUEST', 'The body is not JSON.');
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ApiProblem(code, describeIssues(parsed.error));
};

/** The request's body as text; more than `maxBytes` is refused before it is read. */
export const readCapped = async (request: Request, maxBytes: number): Promise<string> => {
  const tooLarge = () => new ApiProblem('BODY_TOO_LARGE', `The body is larger than ${maxBytes} bytes.`);
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new ApiProblem('INVALID_REQUEST', 'The body is not UTF-8.');
  }
};
