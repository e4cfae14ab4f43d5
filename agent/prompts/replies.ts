import type { ModelAnswer } from '../model/conversation.ts';

/** What the model is told after an answer that neither calls tools nor ends the task. */
export const replyTo = ({ finish, text }: ModelAnswer): string => {
  if (finish === 'length') {
    return text.trim() === ''
      ? 'Your answer reached the output limit before any text came. Think less at once, and go on in small steps.'
      : 'Your answer was cut off at the output limit. Go on exactly where it stopped, without repeating anything.';
  }
  if (finish === 'content_filter') return 'Your answer was stopped by a content filter. Go on in another way.';
  return 'Your answer was empty. Call a tool, or finish with a message that says what was done.';
};

export const RESUMED_NOTE = '[This run was interrupted and resumed from a checkpoint; this command may have run once before.]\n';
