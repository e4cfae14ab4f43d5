import { refusalOf, type StationOffer } from '../../tasks/admission.ts';
import { bodyHash } from '../../tasks/body-hash.ts';
import { DeadLetterError, type DeadLetterReason } from '../../tasks/dead-letter.ts';
import type { OwnerPolicy } from '../../tasks/message-owner.ts';
import type { DeadLetters } from '../../tasks/ports/dead-letters.ts';
import type { Starter } from '../../tasks/ports/starter.ts';
import { StoreUnavailableError } from '../../tasks/ports/store-unavailable-error.ts';
import type { FeedMessage } from '../../tasks/ports/task-feed.ts';
import type { NewTask, TaskStore } from '../../tasks/ports/task-store.ts';
import { readTaskMessage } from '../../tasks/task-message.ts';

export interface IntakeDeps {
  readonly tasks: Pick<TaskStore, 'get'>;
  readonly starter: Pick<Starter, 'submit'>;
  readonly deadLetters: Pick<DeadLetters, 'put'>;
  readonly offer: StationOffer;
  readonly owners: OwnerPolicy;
  readonly counters: {
    accepted(): void;
    duplicate(): void;
    deadLettered(reason: DeadLetterReason): void;
    /** The message will come again. */
    postponed(): void;
  };
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
}

/** Decides what becomes of each message. Resolves when it is durably a task or a dead letter; rejects where it must come again. */
export const createIntake = (deps: IntakeDeps): ((message: FeedMessage) => Promise<void>) => {
  const { tasks, starter, deadLetters, offer, owners, counters, log } = deps;

  const submit = async (task: NewTask): Promise<'accepted' | 'exists' | 'erased'> => {
    try {
      return await starter.submit(task);
    } catch (error) {
      if (error instanceof StoreUnavailableError || (await tasks.get(task.id)) === null) throw error;
      // The row is the outbox: the sweeper goes on with it, and the messages behind it need not wait.
      log.error({ err: error, task_id: task.id }, 'a task was accepted, but not started; the sweeper will try again');
      return 'exists';
    }
  };

  const accept = async (message: FeedMessage): Promise<void> => {
    const task = readTaskMessage(message, owners);
    const refusal = refusalOf(task.spec, offer);
    if (refusal !== null) throw new DeadLetterError(refusal.code, refusal.detail);
    const submitted = await submit(task);
    if (submitted === 'accepted') return counters.accepted();
    const row = submitted === 'erased' ? null : await tasks.get(task.id);
    if (row === null) throw new DeadLetterError('ERASED');
    if (bodyHash(row.spec, null) !== bodyHash(task.spec, null)) throw new DeadLetterError('IDEMPOTENCY_MISMATCH');
    counters.duplicate();
  };

  return async (message) => {
    const { topic, partition, offset } = message;
    try {
      await accept(message).catch(async (error: unknown) => {
        if (!(error instanceof DeadLetterError)) throw error;
        await deadLetters.put(message, error.reason, error.message);
        counters.deadLettered(error.reason);
        log.warn({ topic, partition, offset, reason: error.reason }, 'a message became a dead letter');
      });
    } catch (error) {
      counters.postponed();
      log.warn({ err: error, topic, partition, offset }, 'a message can not be taken now; it comes again');
      throw error;
    }
  };
};
