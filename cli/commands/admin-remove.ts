import { isRemovable, type Removable, removeNamed } from '../../platform/kubernetes/remove-named.ts';
import { CliError, EXIT } from '../cli-error.ts';
import { harmless, print } from '../terminal.ts';
import { inHookNamespace } from './admin-hook-namespace.ts';

/** `secret/NAME`, `pod/NAME` or `job/NAME`; throws a `CliError` for anything else. */
export const readRemovable = (text: string): Removable => {
  const [kind = '', name = '', ...rest] = text.split('/');
  if (isRemovable(kind) && name !== '' && rest.length === 0) return { kind, name };
  throw new CliError(`${harmless(text)} is nothing that can be removed.`, 'Name it as secret/NAME, pod/NAME or job/NAME.', EXIT.usage);
};

/** `codebay admin remove KIND/NAME…`. */
export const remove = (names: readonly string[]): Promise<number> => {
  const removed = names.map(readRemovable);
  return inHookNamespace(async (cluster, namespace) => {
    for (const one of removed) await removeNamed(cluster, namespace, one);
    print(`Removed ${names.join(', ')}.`);
  });
};
