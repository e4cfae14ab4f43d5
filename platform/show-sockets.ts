import { rename, rm, symlink } from 'node:fs/promises';

/** Makes `shown` a link to `folder`, in one step for whoever looks. */
export const showSockets = async (shown: string, folder: string): Promise<void> => {
  const next = `${shown}.next`;
  await rm(next, { force: true });
  await symlink(folder, next);
  await rename(next, shown);
};
