import { dirname, join } from 'node:path';
import type { CompartmentCommand, CompartmentPaths } from '../../tasks/ports/compartment.ts';
import { SYSTEM_PATH } from '../system-path.ts';
import type { Confinement } from './confinement.ts';
import { MARK_VARIABLE } from './leftovers.ts';
import { runFiles } from './run-folder.ts';

/** Where a run's folders appear where nothing isolates it: where they are. */
export const barePaths = (path: string, confinement: Confinement): CompartmentPaths => {
  const { code, home, output, tmp, task, side } = runFiles(path);
  const { install, node } = confinement;
  return { code, home, output, tmp, task, side, sideTmp: tmp, install, node, sockets: join(confinement.sockets, 'shown') };
};

/** The whole environment of a program that nothing isolates. */
export const bareEnvironment = (
  paths: CompartmentPaths,
  confinement: Confinement,
  command: Pick<CompartmentCommand, 'env'>,
): Record<string, string> => ({
  PATH: `${SYSTEM_PATH}:${dirname(paths.node)}`,
  HOME: paths.home,
  TMPDIR: paths.tmp,
  LANG: 'C.UTF-8',
  [MARK_VARIABLE]: confinement.mark,
  ...command.env,
});
