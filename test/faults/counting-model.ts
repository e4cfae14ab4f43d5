import { setTimeout as pause } from 'node:timers/promises';
import type { ModelScript } from '../support/scripted-model.ts';

/** A model request as it came in: which task (by the number in its prompt), which turn, when. */
export interface AskedTurn {
  readonly task: number;
  readonly turn: number;
  readonly at: number;
}

const THINKS_MS = 100;

export const promptOf = (task: number): string => `Fault test, task number ${task}.`;

/** A model that lets every task write a file and then end, and remembers who asked what. */
export const createCountingModel = () => {
  const asked: AskedTurn[] = [];
  const script: ModelScript = async ({ body }) => {
    const prompt = body.messages.map(({ content }) => content ?? '').join('\n');
    const task = Number(/Fault test, task number (\d+)\./.exec(prompt)?.[1]);
    const turn = body.messages.filter(({ role }) => role === 'tool').length + 1;
    asked.push({ task, turn, at: Date.now() });
    await pause(THINKS_MS);
    return turn === 1 ? { calls: [{ name: 'shell', arguments: { command: `echo ${task} >number.txt` } }] } : { text: 'Done.' };
  };
  return { asked, script };
};
