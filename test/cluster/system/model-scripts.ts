import { randomBytes } from 'node:crypto';
import { turnOf } from '../../support/held-turns.ts';
import type { ModelScript, RecordedRequest } from '../../support/scripted-model.ts';

const MARK = /\bcase-[0-9a-f]{12}\b/;
const markIn = (text: string): string => MARK.exec(text)?.[0] ?? '';

/** One model server for many tasks: each task's prompt holds the mark of its script. */
export interface ModelScripts {
  readonly script: ModelScript;
  /** The mark that a prompt must hold, so that this script answers. */
  add(script: ModelScript): string;
  /** The turns that the task of this prompt asked again after their answer had left whole. */
  askedAgain(prompt: string): readonly number[];
}

export const createModelScripts = (): ModelScripts => {
  const scripts = new Map<string, { readonly own: ModelScript; readonly asked: RecordedRequest[]; readonly again: number[] }>();
  return {
    script: (request, index) => {
      const found = scripts.get(markIn(request.raw));
      if (found === undefined) return { kind: 'error', status: 400, message: 'no script for this prompt' };
      const turn = turnOf(request);
      if (found.asked.some((earlier) => turnOf(earlier) === turn && earlier.answeredAt() !== null)) found.again.push(turn);
      found.asked.push(request);
      return found.own(request, index);
    },
    add(own) {
      const mark = `case-${randomBytes(6).toString('hex')}`;
      scripts.set(mark, { own, asked: [], again: [] });
      return mark;
    },
    askedAgain: (prompt) => scripts.get(markIn(prompt))?.again ?? [],
  };
};
