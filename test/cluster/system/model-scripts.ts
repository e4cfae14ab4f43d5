import { randomBytes } from 'node:crypto';
import type { ModelScript } from '../../support/scripted-model.ts';

const MARK = /\bcase-[0-9a-f]{12}\b/;

/** One model server for many tasks: each task's prompt holds the mark of its script. */
export interface ModelScripts {
  readonly script: ModelScript;
  /** The mark that a prompt must hold, so that this script answers. */
  add(script: ModelScript): string;
}

export const createModelScripts = (): ModelScripts => {
  const scripts = new Map<string, ModelScript>();
  return {
    script: (request, turn) => {
      const mark = MARK.exec(request.raw)?.[0] ?? '';
      const own = scripts.get(mark);
      return own === undefined ? { kind: 'error', status: 400, message: 'no script for this prompt' } : own(request, turn);
    },
    add(script) {
      const mark = `case-${randomBytes(6).toString('hex')}`;
      scripts.set(mark, script);
      return mark;
    },
  };
};
