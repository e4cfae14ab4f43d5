import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A tool call as a script writes it; a string stands for the raw JSON of the arguments, complete or not. */
export interface ScriptedCall {
  readonly name: string;
  readonly arguments: unknown;
  readonly id?: string;
}

interface Spoken {
  readonly text?: string;
  readonly calls?: readonly ScriptedCall[];
  readonly finish?: 'stop' | 'tool_calls' | 'length' | 'content_filter';
  /** Prompt and completion tokens; null leaves the usage out. */
  readonly usage?: readonly [number, number] | null;
}

/** What the server does with one request. */
export type Answer =
  /** A complete answer, streamed. */
  | (Spoken & { readonly kind?: 'say' })
  /** The answer begins, then the connection is cut; `clean` ends the response properly but without a finish reason. */
  | (Spoken & { readonly kind: 'drop'; readonly clean?: boolean })
  /** The answer begins (or not), then nothing more comes. */
  | (Spoken & { readonly kind: 'silence'; readonly begin?: boolean })
  /** An HTTP error in OpenAI's shape. */
  | { readonly kind: 'error'; readonly status: number; readonly retryAfter?: string; readonly code?: string; readonly message?: string }
  /** A raw body with status 200. */
  | { readonly kind: 'raw'; readonly body: string; readonly contentType?: string };

export interface ChatMessage {
  readonly role: string;
  readonly content?: string | null;
  readonly tool_calls?: readonly { readonly id: string; readonly function: { readonly name: string; readonly arguments: string } }[];
  readonly tool_call_id?: string;
}

export interface RecordedRequest {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly raw: string;
  readonly body: { readonly model: string; readonly messages: readonly ChatMessage[]; readonly tools?: readonly unknown[] };
  /** When the answer had left whole, in milliseconds since 1970; null until then. */
  answeredAt(): number | null;
  /** When the connection that the request came by was closed; null until then. */
  disconnectedAt(): number | null;
}

export type ModelScript = (request: RecordedRequest, turnIndex: number) => Answer | Promise<Answer>;

export interface ScriptedModel {
  /** The base URL, `/v1` included. */
  readonly url: string;
  /** Every chat completion request so far, in order of arrival. */
  readonly requests: readonly RecordedRequest[];
  close(): Promise<void>;
}

export interface SteeringMessage {
  readonly seq: number;
  readonly id: string;
  readonly text: string;
}

/** The content of a request's last message, which is where the observations stand. */
export const lastContent = (request: RecordedRequest): string => request.body.messages.at(-1)?.content ?? '';

/** Cuts a text into pieces of a few characters, as models stream it. */
const piecesOf = (text: string, size = 7): string[] => text.match(new RegExp(`[\\s\\S]{1,${size}}`, 'g')) ?? [];

const argumentsOf = (call: ScriptedCall): string => (typeof call.arguments === 'string' ? call.arguments : JSON.stringify(call.arguments));

const deltasOf = (answer: Spoken, turn: number): object[] => [
  { role: 'assistant', content: '' },
  ...piecesOf(answer.text ?? '').map((content) => ({ content })),
  ...(answer.calls ?? []).flatMap((call, index) => [
    { tool_calls: [{ index, id: call.id ?? `call_${turn}_${index}`, type: 'function', function: { name: call.name, arguments: '' } }] },
    ...piecesOf(argumentsOf(call)).map((piece) => ({ tool_calls: [{ index, function: { arguments: piece } }] })),
  ]),
];

const begin = (response: ServerResponse): void => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
};

const chunk = (model: string, turn: number, rest: object): string =>
  `data: ${JSON.stringify({ id: `chatcmpl-${turn}`, object: 'chat.completion.chunk', created: 0, model, ...rest })}\n\n`;

const speak = (response: ServerResponse, model: string, answer: Spoken, turn: number): void => {
  begin(response);
  for (const delta of deltasOf(answer, turn)) {
    response.write(chunk(model, turn, { choices: [{ index: 0, delta, finish_reason: null }] }));
  }
};

const finish = (response: ServerResponse, model: string, answer: Spoken, turn: number): void => {
  const reason = answer.finish ?? ((answer.calls ?? []).length > 0 ? 'tool_calls' : 'stop');
  response.write(chunk(model, turn, { choices: [{ index: 0, delta: {}, finish_reason: reason }] }));
  if (answer.usage !== null) {
    const [prompt, completion] = answer.usage ?? [100, 10];
    const usage = { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
    response.write(chunk(model, turn, { choices: [], usage }));
  }
  response.end('data: [DONE]\n\n');
};

const give = (response: ServerResponse, model: string, answer: Answer, turn: number): void => {
  switch (answer.kind) {
    case undefined:
    case 'say':
      speak(response, model, answer, turn);
      finish(response, model, answer, turn);
      return;
    case 'drop':
      speak(response, model, answer, turn);
      if (answer.clean === true) response.end();
      else setImmediate(() => response.destroy());
      return;
    case 'silence':
      if (answer.begin === true) speak(response, model, answer, turn);
      return;
    case 'error':
      response.writeHead(answer.status, {
        'content-type': 'application/json',
        ...(answer.retryAfter === undefined ? {} : { 'retry-after': answer.retryAfter }),
      });
      response.end(
        JSON.stringify({ error: { message: answer.message ?? 'scripted failure', code: answer.code ?? null, type: 'scripted' } }),
      );
      return;
    case 'raw':
      response.writeHead(200, { 'content-type': answer.contentType ?? 'text/event-stream' });
      response.end(answer.body);
      return;
  }
};

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const piece of request) chunks.push(piece as Buffer);
  return Buffer.concat(chunks).toString();
};

/**
 * Starts a model server on a free port of `address`, loopback where absent: `script` decides each answer from the request and its index
 * (from 0, retries counted). `messages` is what `GET /messages` offers as steering; without it that path is a 404.
 * `close` cuts every connection.
 */
export const startScriptedModel = async (
  script: ModelScript,
  messages?: () => readonly SteeringMessage[],
  address = '127.0.0.1',
): Promise<ScriptedModel> => {
  const requests: RecordedRequest[] = [];
  const closed = new WeakMap<Socket, number>();
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://model');
    if (request.method === 'GET' && url.pathname === '/messages' && messages !== undefined) {
      const after = Number(url.searchParams.get('after'));
      response.end(JSON.stringify({ messages: messages().filter((message) => message.seq > after) }));
      return;
    }
    if (request.method !== 'POST' || !url.pathname.endsWith('/chat/completions')) {
      response.writeHead(404).end('{}');
      return;
    }
    const raw = await bodyOf(request);
    let answeredAt: number | null = null;
    response.once('finish', () => {
      answeredAt = Date.now();
    });
    const recorded: RecordedRequest = {
      path: url.pathname,
      headers: request.headers,
      raw,
      body: JSON.parse(raw),
      answeredAt: () => answeredAt,
      disconnectedAt: () => closed.get(request.socket) ?? null,
    };
    const turn = requests.push(recorded) - 1;
    give(response, recorded.body.model, await script(recorded, turn), turn);
  };
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      response
        .writeHead(500, { 'content-type': 'application/json' })
        .end(JSON.stringify({ error: { message: `script failed: ${error}` } }));
    });
  });
  server.on('connection', (socket) => socket.once('close', () => closed.set(socket, Date.now())));
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${address}:${port}/v1`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
