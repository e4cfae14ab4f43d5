import { text } from 'node:stream/consumers';
import { z } from 'zod';
import type { TaskFailure } from '../tasks/failure.ts';
import { runBlobKey } from '../tasks/object-keys.ts';
import type { ObjectStore } from '../tasks/ports/object-store.ts';
import type { Checkpoint } from '../tasks/run.ts';

/** As much of a chat completions request as salvage needs; a request of another protocol yields no messages. */
const requestSchema = z.object({ messages: z.array(z.looseObject({ role: z.string(), content: z.unknown().optional() })) });
type ModelMessage = z.output<typeof requestSchema>['messages'][number];

/** The conversation up to a checkpoint, from the model request that it keeps. */
export const messagesOf = async (objects: ObjectStore, checkpoint: Checkpoint | null): Promise<readonly ModelMessage[]> => {
  if (!checkpoint?.transcript) return [];
  const stored = await objects.get(runBlobKey(checkpoint.run_id, checkpoint.transcript.sha256));
  if (stored === null) return [];
  const body = await text(stored.body);
  try {
    return requestSchema.safeParse(JSON.parse(body)).data?.messages ?? [];
  } catch {
    return [];
  }
};

const lastWords = (messages: readonly ModelMessage[]): string => {
  const said = messages.filter(({ role, content }) => role === 'assistant' && typeof content === 'string' && content.trim() !== '').at(-1);
  return typeof said?.content === 'string' ? said.content : 'The agent had not said anything yet.';
};

/** What a task that ended early tells its user: why, and the last words of the agent. */
export const salvagedExplanation = (failure: TaskFailure | null, messages: readonly ModelMessage[]): string => {
  const why = failure === null ? 'The task was cancelled' : `The task ended early: ${failure.reason}. ${failure.detail}`;
  return `# Unfinished work\n\n${why}\n\nThe patch holds what had been changed by then. The agent's last words:\n\n${lastWords(messages)}\n`;
};
