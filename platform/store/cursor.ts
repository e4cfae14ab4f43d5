import { isTaskId } from '../../tasks/ids.ts';
import { InvalidCursorError } from '../../tasks/ports/task-store.ts';

/** The last task of a page, in a list by some time of the tasks. */
export interface Position {
  readonly time: number;
  readonly id: string;
}

export const encodeCursor = ({ time, id }: Position): string => Buffer.from(`${time}.${id}`).toString('base64url');

/** Throws `InvalidCursorError` for whatever `encodeCursor` can't have made. */
export const decodeCursor = (cursor: string): Position => {
  const [, time, id] = /^([0-9]{1,15})\.(.+)$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (time === undefined || id === undefined || !isTaskId(id)) throw new InvalidCursorError('the cursor is not one of this list');
  const position = { time: Number(time), id };
  if (encodeCursor(position) !== cursor) throw new InvalidCursorError('the cursor is not one of this list');
  return position;
};
