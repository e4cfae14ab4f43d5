export interface Message {
  /** Made by the client, so that a repeated post is one message. */
  readonly id: string;
  /** Counts up within the task. */
  readonly seq: number;
  readonly text: string;
  readonly at: number;
}

/** Steering messages from users to a task. */
export interface Mailbox {
  /** Idempotent by (task, id). */
  post(taskId: string, id: string, text: string): Promise<Message>;
  read(taskId: string, afterSeq: number): Promise<readonly Message[]>;
}
