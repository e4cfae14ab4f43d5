import { randomUUID } from 'node:crypto';
import { EXIT } from '../cli-error.ts';
import { connect } from '../station-address.ts';
import { print } from '../terminal.ts';

/** `codebay message`: steers a running task; the agent reads it before its next step. */
export const message = async (id: string, text: string): Promise<number> => {
  await connect().message(id, text, randomUUID());
  print(`Sent; the agent of ${id} reads it before its next step.`);
  return EXIT.done;
};
