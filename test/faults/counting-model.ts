import { setTimeout as pause } from 'node:timers/promises';
import type { ModelScript, RecordedRequest } from '../support/scripted-model.ts';
import type { Kill } from './chaos.ts';

/** A model request as it came in: which task (by the number in its prompt), which turn, when, and what became of it. */
export interface AskedTurn extends Pick<RecordedRequest, 'answeredAt' | 'disconnectedAt'> {
  readonly task: number;
  readonly turn: number;
  readonly at: number;
}

/** Between the last byte of an answer and its row in the journal, on a machine this busy. */
const JOURNALED_WITHIN_MS = 1_000;

/**
 * Whether this kill took the turn with it: the connection of whoever asked broke in it, and the answer was still under way, or so new that
 * it may not have been in the journal yet.
 */
export const diedWith = (turn: AskedTurn, kill: Pick<Kill, 'from' | 'until'>): boolean => {
  const disconnected = turn.disconnectedAt() ?? Number.POSITIVE_INFINITY;
  const answered = turn.answeredAt() ?? Number.POSITIVE_INFINITY;
  return kill.from <= disconnected && disconnected <= kill.until && answered + JOURNALED_WITHIN_MS >= kill.from;
};

const THINKS_MS = 100;

export const promptOf = (task: number): string => `Fault test, task number ${task}.`;

/** A model that lets every task write a file and then end, and remembers who asked what. */
export const createCountingModel = () => {
  const asked: AskedTurn[] = [];
  const script: ModelScript = async ({ body, answeredAt, disconnectedAt }) => {
    const prompt = body.messages.map(({ content }) => content ?? '').join('\n');
    const task = Number(/Fault test, task number (\d+)\./.exec(prompt)?.[1]);
    const turn = body.messages.filter(({ role }) => role === 'tool').length + 1;
    asked.push({ task, turn, at: Date.now(), answeredAt, disconnectedAt });
    await pause(THINKS_MS);
    return turn === 1 ? { calls: [{ name: 'shell', arguments: { command: `echo ${task} >number.txt` } }] } : { text: 'Done.' };
  };
  return { asked, script };
};
