import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AGENT_OUTPUTS } from '../tasks/artifacts.ts';
import { FAILURES, isFailureReason } from '../tasks/failure.ts';
import type { AgentResult } from '../tasks/run-protocol.ts';
import type { Message } from './model/conversation.ts';

export interface AgentReport {
  readonly result: AgentResult;
  /** The final message; null where the agent didn't get there. */
  readonly answer: string | null;
  readonly transcript: readonly Message[];
}

const lastWords = (transcript: readonly Message[]): string =>
  transcript.findLast((message) => message.role === 'assistant' && message.content.trim() !== '')?.content ?? '';

const explanationOf = ({ result, answer, transcript }: AgentReport): string => {
  if (answer !== null) return `${answer.trimEnd()}\n`;
  const title = result.reason !== null && isFailureReason(result.reason) ? FAILURES[result.reason].title : 'The agent was interrupted';
  const words = lastWords(transcript).trim();
  const said = words === '' ? '' : `\n## What the agent said last\n\n${words}\n`;
  return `# Not finished: ${title}\n\n${result.detail}\n${said}`;
};

/** Writes the agent's output files, each complete or not at all; `result.json` comes last. */
export const writeOutputs = async (folder: string, report: AgentReport): Promise<void> => {
  const files: readonly (readonly [(typeof AGENT_OUTPUTS)[number], string])[] = [
    ['transcript.jsonl', report.transcript.map((message) => `${JSON.stringify(message)}\n`).join('')],
    ['llm_response.txt', report.answer ?? lastWords(report.transcript)],
    ['explanation.md', explanationOf(report)],
    ['result.json', `${JSON.stringify(report.result, null, 2)}\n`],
  ];
  for (const [name, content] of files) {
    const fresh = join(folder, `.${name}.new`);
    await writeFile(fresh, content);
    await rename(fresh, join(folder, name));
  }
};
