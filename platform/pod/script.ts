import type { CompartmentCommand, CompartmentPaths } from '../../tasks/ports/compartment.ts';

/** Safe for every character but NUL, which neither arguments nor environments can hold. */
const quote = (text: string): string => {
  if (text.includes('\0')) throw new Error('A command holds a NUL character');
  return `'${text.replaceAll("'", `'\\''`)}'`;
};

/**
 * What every program finds whatever its image sets; the rest of that it has as well. The roots of a pod's volumes belong to root, so git
 * would refuse to work in the code.
 */
const environment = (paths: CompartmentPaths, given: CompartmentCommand['env']): Record<string, string> => ({
  HOME: paths.home,
  TMPDIR: paths.tmp,
  LANG: 'C.UTF-8',
  GIT_CONFIG_COUNT: '1',
  GIT_CONFIG_KEY_0: 'safe.directory',
  GIT_CONFIG_VALUE_0: '*',
  ...given,
});

const assignment = ([name, value]: readonly [string, string]): string => {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw new Error('A variable of a command has a name that shells do not know');
  return `export ${name}=${quote(value)}`;
};

/**
 * The script by which `sh` becomes the command, beginning in the folder above `name`, which holds the pipes, with the executor's
 * replies at descriptor 4. By a file, since arguments of a process can be read by others.
 */
export const commandScript = (
  name: string,
  { argv, cwd, env, stdin, onStderr }: CompartmentCommand,
  { paths, fileBytes }: { readonly paths: CompartmentPaths; readonly fileBytes: number },
): string =>
  [
    `exec <${stdin === undefined ? '/dev/null' : `${name}/stdin`} >${name}/stdout 2>${onStderr === undefined ? '&1' : `${name}/stderr`}`,
    ...(stdin === undefined ? [] : [`echo "begun ${name}" >&4`]),
    'exec 4>&-',
    'umask 022',
    'ulimit -c 0 || :',
    `ulimit -f ${Math.ceil(fileBytes / 512)} || :`,
    `cd -- ${quote(cwd)} || exit 125`,
    'unset OLDPWD',
    ...Object.entries(environment(paths, env)).map(assignment),
    `exec ${argv.map(quote).join(' ')}`,
    '',
  ].join('\n');
