import { EXIT } from '../cli-error.ts';
import { connect } from '../station-address.ts';
import { print } from '../terminal.ts';

/** `codebay cancel`: asks for the end of a task; what it did so far is kept. */
export const cancel = async (id: string): Promise<number> => {
  const task = await connect().cancel(id);
  print(task.status === 'CANCELLED' ? `${id} is cancelled.` : `${id} is being cancelled; its diff so far is kept.`);
  return EXIT.done;
};
