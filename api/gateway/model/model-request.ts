import { createHash } from 'node:crypto';
import { z } from 'zod';
import { parseJson } from '../request-body.ts';
import { refusedRequest } from './model-error.ts';
import { chatRequest, responsesRequest, STRIPPED } from './request-rules.ts';

export type ModelEndpoint = 'chat/completions' | 'responses';

/** A request as it goes to the model. */
export interface ModelRequest {
  readonly endpoint: ModelEndpoint;
  readonly model: string;
  readonly stream: boolean;
  readonly body: string;
  /** Of endpoint and body: the same question has the same hash. */
  readonly sha256: string;
  /** A guess on the high side: three bytes a token. */
  readonly inputTokens: number;
  readonly maxOutputTokens: number;
}

const toldBy = (issue: z.core.$ZodIssue): string[] => {
  const at = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => `${at === '' ? key : `${at}.${key}`}: this field is not allowed here`);
  }
  if (issue.code !== 'invalid_union') return [`${at}: ${issue.message}`];
  const depth = (branch: readonly z.core.$ZodIssue[]) => Math.max(0, ...branch.map(({ path }) => path.length));
  // The branch that was followed furthest is the one that was meant.
  const [meant = []] = issue.errors.toSorted((a, b) => depth(b) - depth(a));
  if (depth(meant) === 0) return [`${at}: is of no kind that is allowed here`];
  return meant.flatMap((inner) => toldBy({ ...inner, path: [...issue.path, ...inner.path] }));
};

/** Names the fields at fault and what is wrong with them, never their values. */
const problemsOf = (error: z.ZodError): string => error.issues.flatMap(toldBy).slice(0, 5).join('; ');

/** What a client leaves empty is as good as absent, and so is what stands for itself nowhere. */
const significant = (body: unknown): Record<string, unknown> => {
  const parsed = z.record(z.string(), z.unknown()).safeParse(body);
  if (!parsed.success) throw refusedRequest('the body must be a JSON object');
  const stripped: ReadonlySet<string> = new Set(STRIPPED);
  return Object.fromEntries(Object.entries(parsed.data).filter(([name, value]) => value !== null && !stripped.has(name)));
};

const checked = <T extends z.ZodType>(schema: T, fields: unknown): z.output<T> => {
  const parsed = schema.safeParse(fields);
  if (!parsed.success) throw refusedRequest(problemsOf(parsed.error));
  return parsed.data;
};

const rebuildChat = (fields: Record<string, unknown>, capTokens: number) => {
  const request = checked(chatRequest, fields);
  const { max_tokens, max_completion_tokens } = request;
  const maxOutputTokens = Math.min(capTokens, max_tokens ?? capTokens, max_completion_tokens ?? capTokens);
  const cap =
    max_tokens !== undefined && max_completion_tokens === undefined
      ? { max_tokens: maxOutputTokens }
      : { max_completion_tokens: maxOutputTokens };
  const { max_tokens: _old, max_completion_tokens: _new, stream_options, ...kept } = request;
  const usage = request.stream === true ? { stream_options: { ...stream_options, include_usage: true } } : {};
  return { model: request.model, stream: request.stream === true, maxOutputTokens, outgoing: { ...kept, ...cap, ...usage } };
};

const rebuildResponses = (fields: Record<string, unknown>, capTokens: number) => {
  const request = checked(responsesRequest, fields);
  const maxOutputTokens = Math.min(capTokens, request.max_output_tokens ?? capTokens);
  // Without `store: false` the provider keeps the answer, where another run might refer to it.
  const outgoing = { ...request, max_output_tokens: maxOutputTokens, store: false };
  return { model: request.model, stream: request.stream === true, maxOutputTokens, outgoing };
};

/**
 * Rebuilds what a run sent from the fields that are allowed, with the output capped to `capTokens`.
 * Throws 400 MODEL_REFUSED that names the field.
 */
export const modelRequestOf = (
  endpoint: ModelEndpoint,
  body: Buffer,
  rules: { readonly models: readonly string[]; readonly capTokens: number },
): ModelRequest => {
  const fields = significant(parseJson(body));
  const rebuilt = endpoint === 'responses' ? rebuildResponses(fields, rules.capTokens) : rebuildChat(fields, rules.capTokens);
  if (!rules.models.includes(rebuilt.model)) throw refusedRequest(`model: this task may use ${rules.models.join(', ')} only`);
  const outgoing = JSON.stringify(rebuilt.outgoing);
  return {
    endpoint,
    model: rebuilt.model,
    stream: rebuilt.stream,
    body: outgoing,
    sha256: createHash('sha256').update(`${endpoint}\n${outgoing}`).digest('hex'),
    inputTokens: Math.ceil(Buffer.byteLength(outgoing) / 3),
    maxOutputTokens: rebuilt.maxOutputTokens,
  };
};
