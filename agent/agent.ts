import { setTimeout as sleep } from 'node:timers/promises';
import { FailureError } from '../tasks/failure.ts';
import type { AgentResult, AgentTask } from '../tasks/run-protocol.ts';
import { CONTEXT_TOKENS } from './compaction.ts';
import { createInstructions } from './instructions.ts';
import { type LoopStart, runLoop } from './loop.ts';
import { createAttempt } from './model/attempt.ts';
import type { Message } from './model/conversation.ts';
import { createPersistentModel } from './model/persistent.ts';
import { createNarrator } from './narrator.ts';
import { type AgentReport, writeOutputs } from './outputs.ts';
import { systemPrompt } from './prompts/system.ts';
import { readResumedRequest } from './resume.ts';
import { createSteering } from './steering.ts';
import { createApplyPatch } from './tools/apply-patch.ts';
import { createReadFile } from './tools/read-file.ts';
import { createSearch } from './tools/search.ts';
import { createShell } from './tools/shell.ts';
import { openWorkspace, type Workspace } from './tools/workspace.ts';

export interface AgentDeps {
  readonly baseUrl: string;
  readonly apiKey: string;
  /** What commands inherit; the model's address and key are taken out. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Takes the log. */
  readonly write: (text: string) => void;
}

/** The reason of an abort that isn't a failure of the task: the run was told to stop. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

const openingOf = async (task: AgentTask, workspace: Workspace): Promise<LoopStart> => {
  if (task.resume_from !== null) {
    const resumed = await readResumedRequest(task.resume_from);
    return { history: resumed.messages, resumed };
  }
  const system: Message = { role: 'system', content: systemPrompt(task.mode, workspace.workingFolder) };
  const instructions = await createInstructions(workspace, []).enter(workspace.workingFolder);
  return { history: [system, ...instructions, { role: 'user', content: task.prompt }], resumed: null };
};

/** Names how an attempt at the task ended badly. */
const failureOf = (error: unknown): Pick<AgentResult, 'reason' | 'detail'> => {
  if (error instanceof FailureError) return { reason: error.reason, detail: error.message };
  if (error instanceof Interrupted) return { reason: null, detail: error.message };
  return { reason: 'AGENT_FAILED', detail: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
};

const solve = async (task: AgentTask, deps: AgentDeps, record: (message: Message) => void, signal: AbortSignal): Promise<string> => {
  const log = createNarrator(deps.write);
  const workspace = await openWorkspace(task.code, task.working_folder);
  const start = await openingOf(task, workspace);
  start.history.forEach(record);
  if (start.resumed !== null) log.note('resumed from a checkpoint');
  const model = createPersistentModel({
    attempt: createAttempt({ baseUrl: deps.baseUrl, apiKey: deps.apiKey, silenceMs: task.model_timeout_seconds * 1000 }),
    retryMs: task.model_retry_seconds * 1000,
    now: () => performance.now(),
    random: Math.random,
    sleep: (ms, aborted) => sleep(ms, undefined, { signal: aborted }),
    onRetry: (error, delayMs) => log.note(`the model did not answer (${error.message}); asking again in ${(delayMs / 1000).toFixed(1)} s`),
  });
  const env = deps.env;
  return runLoop(
    {
      model,
      modelName: task.model,
      tools: [
        createShell({ workspace, env, commands: task.commands }),
        createApplyPatch(workspace),
        createReadFile(workspace),
        createSearch(workspace, env),
      ],
      instructions: createInstructions(workspace, start.history),
      steering: createSteering(deps.baseUrl, start.history),
      log,
      limits: task.limits,
      contextTokens: CONTEXT_TOKENS,
      record,
    },
    start,
    signal,
  );
};

/**
 * Works on one task until it is finished, its limits are reached or `signal` is aborted with `Interrupted`, and writes the output files
 * whatever happened. Never rejects but for output that can't be written.
 */
export const runAgent = async (task: AgentTask, deps: AgentDeps, signal: AbortSignal): Promise<AgentResult> => {
  const transcript: Message[] = [];
  const clock = new AbortController();
  const timeUp = new FailureError('TIMED_OUT', `the agent's ${task.limits.time_seconds} s are over`);
  const timer = setTimeout(() => clock.abort(timeUp), Math.min(task.limits.time_seconds * 1000, 2 ** 31 - 1));
  const either = AbortSignal.any([signal, clock.signal]);
  const steps = (): number => transcript.filter(({ role }) => role === 'assistant').length;
  let report: AgentReport;
  try {
    const answer = await solve(task, deps, (message) => transcript.push(message), either);
    report = { result: { status: 'completed', reason: null, detail: '', steps: steps() }, answer, transcript };
  } catch (error) {
    const failure = failureOf(either.aborted ? either.reason : error);
    deps.write(`\n* not finished: ${failure.reason ?? 'INTERRUPTED'}: ${failure.detail}\n`);
    report = { result: { status: 'failed', ...failure, steps: steps() }, answer: null, transcript };
  } finally {
    clearTimeout(timer);
  }
  await writeOutputs(task.output, report);
  return report.result;
};
