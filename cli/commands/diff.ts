import { EXIT } from '../cli-error.ts';
import { connect } from '../station-address.ts';
import { diffStatLines } from '../task-summary.ts';
import { print, remark } from '../terminal.ts';

/** `codebay diff`: the patch to stdout. */
export const diff = async (id: string, options: { readonly stat?: boolean }): Promise<number> => {
  const client = connect();
  if (options.stat === true) {
    print(...diffStatLines(await client.diffSummary(id)));
    return EXIT.done;
  }
  const patch = await client.diff(id);
  if (patch.length === 0) remark('The task changed nothing.');
  process.stdout.write(patch);
  return EXIT.done;
};
