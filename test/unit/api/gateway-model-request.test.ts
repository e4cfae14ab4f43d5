import { modelErrorOf } from '../../../api/gateway/model/model-error.ts';
import { type ModelEndpoint, modelRequestOf } from '../../../api/gateway/model/model-request.ts';

const rebuild = (endpoint: ModelEndpoint, body: unknown) =>
  modelRequestOf(endpoint, Buffer.from(JSON.stringify(body)), { models: ['small'], capTokens: 1000 });
const outgoing = (endpoint: ModelEndpoint, body: unknown) => JSON.parse(rebuild(endpoint, body).body) as Record<string, unknown>;

const chat = { model: 'small', messages: [{ role: 'user', content: 'hi' }] };
const responses = { model: 'small', input: 'hi' };
const withPart = (part: object) => ({ ...chat, messages: [{ role: 'user', content: [part] }] });
const withItem = (item: object) => ({ ...responses, input: [item] });
const withInput = (part: object) => withItem({ role: 'user', content: [part] });
const PNG = 'data:image/png;base64,AAAA';

describe('modelRequestOf', () => {
  test.each<[string, ModelEndpoint, object]>([
    [
      "an agent's conversation",
      'chat/completions',
      {
        ...chat,
        messages: [
          { role: 'system', content: 'be brief' },
          {
            role: 'assistant',
            content: null,
            refusal: null,
            annotations: [],
            audio: null,
            function_call: null,
            reasoning_content: 'hm',
            tool_calls: [{ id: 'a', type: 'function', function: { name: 'shell', arguments: '{"image_url":"http://x"}' } }],
          },
          { role: 'tool', tool_call_id: 'a', content: 'done' },
        ],
        tools: [{ type: 'function', function: { name: 'shell', parameters: {} } }],
        tool_choice: { type: 'function', function: { name: 'shell' } },
        temperature: 0,
        reasoning_effort: 'low',
        parallel_tool_calls: false,
        n: 1,
      },
    ],
    ['an inline image', 'chat/completions', withPart({ type: 'image_url', image_url: { url: PNG } })],
    [
      'a Codex conversation',
      'responses',
      {
        ...responses,
        instructions: 'x',
        include: ['reasoning.encrypted_content'],
        prompt_cache_key: 'k',
        reasoning: { effort: 'low' },
        text: { verbosity: 'low' },
        tools: [{ type: 'custom', name: 'apply_patch', format: { type: 'grammar' } }],
        input: [
          { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'x' }] },
          { type: 'reasoning', id: 'r', summary: [], content: null, encrypted_content: 'e' },
          { type: 'custom_tool_call', id: 'i', call_id: 'c', name: 'apply_patch', input: 'p', status: 'completed' },
          { type: 'custom_tool_call_output', call_id: 'c', output: 'ok' },
          { type: 'function_call_output', call_id: 'd', output: [{ type: 'input_image', image_url: PNG }] },
        ],
      },
    ],
  ])('passes %s', (_name, endpoint, body) => {
    expect(outgoing(endpoint, body)).toMatchObject(body);
  });

  test.each<[string, ModelEndpoint, object]>([
    ['web_search_options', 'chat/completions', { ...chat, web_search_options: {} }],
    ['made_up', 'chat/completions', { ...chat, made_up: 1 }],
    ['functions', 'chat/completions', { ...chat, functions: [] }],
    ['n', 'chat/completions', { ...chat, n: 2 }],
    ['tools.0.type', 'chat/completions', { ...chat, tools: [{ type: 'web_search' }] }],
    ['tools.0.type', 'responses', { ...responses, tools: [{ type: 'mcp', server_url: 'https://x' }] }],
    ['tools.0.type', 'responses', { ...responses, tools: [{ type: 'code_interpreter' }] }],
    ['tool_choice', 'responses', { ...responses, tool_choice: { type: 'file_search' } }],
    ['image_url.url', 'chat/completions', withPart({ type: 'image_url', image_url: { url: 'https://x/leak.png' } })],
    ['file', 'chat/completions', withPart({ type: 'file', file: { file_id: 'f' } })],
    ['type', 'chat/completions', withPart({ type: 'video_url', video_url: { url: 'https://x' } })],
    ['messages.0.audio', 'chat/completions', { ...chat, messages: [{ role: 'assistant', audio: { id: 'a' } }] }],
    ['extra', 'chat/completions', { ...chat, messages: [{ role: 'user', content: 'x', extra: 1 }] }],
    ['input', 'responses', withInput({ type: 'input_image', image_url: 'http://169.254.169.254/' })],
    ['input', 'responses', withInput({ type: 'input_image', file_id: 'f', image_url: PNG })],
    ['input', 'responses', withInput({ type: 'input_file', file_url: 'https://x' })],
    ['input', 'responses', withItem({ type: 'item_reference', id: 'other' })],
    [
      'input',
      'responses',
      withItem({ type: 'function_call_output', call_id: 'c', output: [{ type: 'input_image', image_url: 'http://x' }] }),
    ],
    ['previous_response_id', 'responses', { ...responses, previous_response_id: 'r' }],
    ['conversation', 'responses', { ...responses, conversation: 'c' }],
    ['prompt', 'responses', { ...responses, prompt: { id: 'p' } }],
    ['background', 'responses', { ...responses, background: true }],
    ['include', 'responses', { ...responses, include: ['web_search_call.action.sources'] }],
    ['model', 'responses', { ...responses, model: 'large' }],
    ['max_output_tokens', 'responses', { ...responses, max_output_tokens: -5 }],
  ])('refuses by naming %s in %s', (field, endpoint, body) => {
    const refused = expect(() => rebuild(endpoint, body));
    refused.toThrow(expect.objectContaining({ status: 400, code: 'MODEL_REFUSED', message: expect.stringContaining(field) }));
  });

  test('strips what changes no answer, and takes empty fields for absent ones', () => {
    const noise = { user: 'me', metadata: { a: 1 }, service_tier: 'priority', store: true, tools: null, made_up: null };
    expect(outgoing('chat/completions', { ...chat, ...noise })).toEqual({ ...chat, max_completion_tokens: 1000 });
  });

  test('caps the output, however it is named', () => {
    expect(outgoing('chat/completions', { ...chat, max_tokens: 5000 })).toMatchObject({ max_tokens: 1000 });
    expect(outgoing('chat/completions', { ...chat, max_tokens: 5000, max_completion_tokens: 7 })).toMatchObject({
      max_completion_tokens: 7,
    });
    expect(rebuild('responses', { ...responses, max_output_tokens: 8 })).toMatchObject({ maxOutputTokens: 8 });
  });

  test('hashes what is asked: endpoint and content, not what was stripped', () => {
    const { sha256 } = rebuild('chat/completions', chat);
    expect(rebuild('chat/completions', { ...chat, user: 'other' }).sha256).toBe(sha256);
    expect(rebuild('chat/completions', { ...chat, seed: 1 }).sha256).not.toBe(sha256);
  });
});

describe('modelErrorOf', () => {
  const KEY = 'canary-key-of-this-test';
  const told = (status: number, body: string, retryAfter: string | null = null) => modelErrorOf({ status, retryAfter, body }, KEY, 0);

  test('quotes the endpoint shortly, without the key, however it is written', () => {
    const message = `no: ${KEY} sk-proj-abcdefgh sk-ab***wxyz "quoted" ${'x'.repeat(1000)}`;
    const quoted = told(400, JSON.stringify({ error: { message } })).message;
    expect(quoted).toContain('no: [key] [key] [key] "quoted"');
    expect(quoted.length).toBeLessThan(600);
  });

  test.each([
    [null, 5],
    ['12', 12],
    ['0.2', 1],
    ['nonsense', 5],
    ['999999', 3600],
    ['Thu, 01 Jan 1970 00:00:30 GMT', 30],
  ])('reads Retry-After %s as %d seconds', (header, seconds) => {
    expect(told(429, '', header).retryAfterSeconds).toBe(seconds);
  });

  test.each([[409], [408], [503], [599]])('takes %d for a fault that passes', (status) => {
    expect(told(status, '')).toMatchObject({ status: 502, code: 'MODEL_UNAVAILABLE' });
  });

  test.each([[402], [413], [418]])('takes %d for a refusal, never for our own budget', (status) => {
    expect(told(status, '')).toMatchObject({ status: 400, code: 'MODEL_REFUSED' });
  });
});
