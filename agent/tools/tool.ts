import { z } from 'zod';
import type { ToolDefinition } from '../model/conversation.ts';
import { isSystemError, type SystemError } from './system-error.ts';

/** What a tool call comes to, for the model. */
export interface Observation {
  readonly text: string;
  /** What must be equal for two observations to count as the same: the text without durations. The text where absent. */
  readonly essence?: string;
  /** Absolute folders that the call was about; their AGENTS.md are shown. */
  readonly touched?: readonly string[];
}

/** An expected failure that the model can react to; its message is the observation. */
export class ToolError extends Error {
  override readonly name = 'ToolError';
}

export type PreparedCall =
  | { readonly ok: true; readonly summary: string; readonly run: (signal: AbortSignal) => Promise<Observation> }
  /** The arguments are not complete, valid JSON of the tool's schema: nothing may be run. */
  | { readonly ok: false; readonly problem: string };

export interface Tool {
  readonly definition: ToolDefinition;
  prepare(argumentsJson: string): PreparedCall;
}

interface ToolParts<S extends z.ZodType> {
  readonly name: string;
  readonly description: string;
  readonly input: S;
  /** One line for the log. */
  readonly summary: (input: z.output<S>) => string;
  readonly run: (input: z.output<S>, signal: AbortSignal) => Promise<Observation>;
}

const parseJson = (text: string): { readonly value: unknown } | null => {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return null;
  }
};

/** Expected failures and failures of the file system are news for the model; everything else is a defect. */
export const isExpected = (error: unknown): error is ToolError | SystemError => error instanceof ToolError || isSystemError(error);

const observed = (error: unknown): Observation => {
  if (!isExpected(error)) throw error;
  return { text: `error: ${error.message}` };
};

/** Makes a tool from a zod schema and a function; the schema is what the model sees and what its arguments are held against. */
export const defineTool = <S extends z.ZodType>({ name, description, input, summary, run }: ToolParts<S>): Tool => {
  const { $schema: _, ...parameters } = z.toJSONSchema(input, { io: 'input' });
  return {
    definition: { type: 'function', function: { name, description, parameters } },
    prepare: (argumentsJson) => {
      const json = parseJson(argumentsJson);
      if (json === null) return { ok: false, problem: 'the arguments are not complete, valid JSON' };
      const parsed = input.safeParse(json.value);
      if (!parsed.success) return { ok: false, problem: `the arguments are not valid: ${z.prettifyError(parsed.error)}` };
      return { ok: true, summary: summary(parsed.data), run: (signal) => run(parsed.data, signal).catch(observed) };
    },
  };
};
