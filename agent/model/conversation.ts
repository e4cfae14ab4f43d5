/** The parts of OpenAI's chat messages that the agent writes, in the order in which it writes them: requests are hashed. */
export interface CallRecord {
  readonly id: string;
  readonly type: 'function';
  readonly function: { readonly name: string; readonly arguments: string };
}

export type Message =
  | { readonly role: 'system'; readonly content: string }
  | { readonly role: 'user'; readonly content: string }
  | { readonly role: 'assistant'; readonly content: string; readonly tool_calls?: CallRecord[] }
  | { readonly role: 'tool'; readonly tool_call_id: string; readonly content: string };

export interface ToolDefinition {
  readonly type: 'function';
  readonly function: { readonly name: string; readonly description: string; readonly parameters: Record<string, unknown> };
}

/** The whole body of a request; the same history always gives the same bytes. */
export interface ModelRequest {
  readonly model: string;
  readonly messages: Message[];
  readonly tools: ToolDefinition[];
  readonly stream: true;
  readonly stream_options: { readonly include_usage: true };
}

export const modelRequest = (model: string, messages: readonly Message[], tools: readonly ToolDefinition[]): ModelRequest => ({
  model,
  messages: [...messages],
  tools: [...tools],
  stream: true,
  stream_options: { include_usage: true },
});

export type Finish = 'stop' | 'tool_calls' | 'length' | 'content_filter';

/** A call as the model made it; the arguments are not checked yet. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

/** One finished answer. */
export interface ModelAnswer {
  readonly text: string;
  readonly calls: readonly ToolCall[];
  readonly finish: Finish;
  /** Null where the endpoint didn't say. */
  readonly usage: { readonly input: number; readonly output: number } | null;
}
