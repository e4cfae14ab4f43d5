import type { CallRecord, Message, ModelAnswer, ToolCall } from './model/conversation.ts';
import type { Narrator } from './narrator.ts';
import type { Tool } from './tools/tool.ts';

const QUOTED_CHARS = 300;

/** What one answer's calls came to. */
export interface CalledRound {
  /** The answer and its observations, for the history. */
  readonly messages: readonly Message[];
  /** Equal for two rounds with the same calls and the same outcome. */
  readonly signature: string;
  /** How many calls were run. */
  readonly ran: number;
  readonly touched: readonly string[];
}

interface CalledTool {
  readonly record: CallRecord;
  readonly text: string;
  readonly essence: string;
  readonly ran: boolean;
  readonly touched: readonly string[];
}

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/** Endpoints check a history's calls: ids have to be there and differ, arguments have to be JSON. What was cut is quoted to the model apart. */
const recordOf = (call: ToolCall, fallbackId: string, taken: ReadonlySet<string>): CallRecord => ({
  id: call.id === '' || taken.has(call.id) ? fallbackId : call.id,
  type: 'function',
  function: { name: call.name || 'unknown', arguments: isJson(call.arguments) ? call.arguments : '{}' },
});

const refusal = (call: ToolCall, problem: string): string =>
  `error: this call was not run: ${problem}. It began: ${call.name}(${call.arguments.slice(0, QUOTED_CHARS).toWellFormed()}`;

export interface CallRunnerDeps {
  readonly tools: readonly Tool[];
  readonly log: Narrator;
}

/** Runs the calls of finished answers one after the other; what isn't complete and valid is reported to the model and never run. */
export const createCallRunner = ({ tools, log }: CallRunnerDeps) => {
  const byName = new Map(tools.map((tool) => [tool.definition.function.name, tool]));

  const perform = async (call: ToolCall, finished: boolean, signal: AbortSignal): Promise<Omit<CalledTool, 'record'>> => {
    const refuse = (problem: string): Omit<CalledTool, 'record'> => {
      const text = refusal(call, problem);
      log.observation(text);
      return { text, essence: text, ran: false, touched: [] };
    };
    if (!finished) return refuse('the answer was cut off before its end');
    const tool = byName.get(call.name);
    if (tool === undefined) return refuse(`there is no tool of that name, only ${[...byName.keys()].join(', ')}`);
    const prepared = tool.prepare(call.arguments);
    if (!prepared.ok) return refuse(prepared.problem);
    log.call(prepared.summary);
    const { text, essence = text, touched = [] } = await prepared.run(signal);
    log.observation(text);
    return { text, essence, ran: true, touched };
  };

  /** `prefix` opens every observation; `turn` makes ids where the endpoint gave none. */
  return async (answer: ModelAnswer, turn: number, prefix: string, signal: AbortSignal): Promise<CalledRound> => {
    const finished = answer.finish === 'stop' || answer.finish === 'tool_calls';
    const ids = new Set<string>();
    const called: CalledTool[] = [];
    for (const [index, call] of answer.calls.entries()) {
      const record = recordOf(call, `call_${turn}_${index}`, ids);
      ids.add(record.id);
      called.push({ record, ...(await perform(call, finished, signal)) });
    }
    const observations = called.map(({ record, text }): Message => ({ role: 'tool', tool_call_id: record.id, content: prefix + text }));
    return {
      messages: [{ role: 'assistant', content: answer.text, tool_calls: called.map(({ record }) => record) }, ...observations],
      signature: JSON.stringify(answer.calls.map((call, index) => [call.name, call.arguments, called[index]?.essence])),
      ran: called.filter(({ ran }) => ran).length,
      touched: called.flatMap(({ touched }) => touched),
    };
  };
};
