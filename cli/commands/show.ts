import { createClient } from '../../sdk/index.ts';
import { EXIT } from '../cli-error.ts';
import { findStation } from '../station-address.ts';
import { outcomeLines, phaseLines } from '../task-summary.ts';
import { harmless, paint, print } from '../terminal.ts';

/** `codebay show`: everything of one task that fits a screen. */
export const show = async (id: string, options: { readonly json?: boolean }): Promise<number> => {
  const station = findStation();
  const task = await createClient(station).get(id);
  if (options.json === true) {
    print(JSON.stringify(task, null, 2));
    return EXIT.done;
  }
  print(
    `${paint('bold', task.id)}  ${harmless(task.title)}`,
    `${harmless(task.repo)}${task.commit === null ? '' : ` at ${task.commit}`} · ${task.mode}`,
  );
  print(...outcomeLines(task), ...phaseLines(task));
  if (task.artifacts.length > 0)
    print('', 'Artifacts:', ...task.artifacts.map(({ name, size_bytes: size }) => `  ${name.padEnd(18)} ${size} bytes`));
  if (station.temporalUi !== null) print('', `In Temporal:  ${station.temporalUi}/namespaces/default/workflows/${task.id}`);
  return EXIT.done;
};
