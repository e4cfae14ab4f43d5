import { EXIT } from '../cli-error.ts';
import { createEventPrinter } from '../event-printer.ts';
import { connect } from '../station-address.ts';
import { exitCodeOf } from '../task-summary.ts';
import { harmless } from '../terminal.ts';

/** `codebay logs`: the output so far; with `--follow` every event until the task has finished. */
export const logs = async (id: string, options: { readonly follow?: boolean; readonly tail?: number }): Promise<number> => {
  const client = connect();
  if (options.follow !== true) {
    const text = harmless(await client.logs(id, options.tail === undefined ? {} : { tail: options.tail }));
    process.stdout.write(text === '' || text.endsWith('\n') ? text : `${text}\n`);
    return EXIT.done;
  }
  const show = createEventPrinter(process.stdout);
  for await (const event of client.events(id)) show(event);
  return exitCodeOf(await client.get(id));
};
