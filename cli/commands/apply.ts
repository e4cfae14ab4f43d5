import { CliError, EXIT } from '../cli-error.ts';
import { applyPatch } from '../source/apply-patch.ts';
import { connect } from '../station-address.ts';
import { diffStatLines } from '../task-summary.ts';
import { print } from '../terminal.ts';

/** `codebay apply`: the task's patch onto the repository around the current folder. */
export const apply = async (id: string, options: { readonly check?: boolean }): Promise<number> => {
  const client = connect();
  const patch = await client.diff(id);
  if (patch.length === 0) throw new CliError(`${id} changed nothing; there is nothing to apply.`);
  const checkOnly = options.check === true;
  await applyPatch(process.cwd(), patch, { checkOnly });
  print(
    ...diffStatLines(await client.diffSummary(id)),
    checkOnly ? 'It would apply cleanly.' : 'Applied, not committed: look with `git diff`.',
  );
  return EXIT.done;
};
