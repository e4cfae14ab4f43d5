import type { TaskSource } from './spec.ts';

/**
 * Host and path of a git repository, as operators name it in lists: without scheme and `.git`, read by the same parser as the one that
 * fetches. Null for a zip, and where the path has escapes: it may mean another repository to its server.
 */
export const repositoryAddressOf = (source: TaskSource): string | null => {
  if (source.type !== 'git' || !URL.canParse(source.url)) return null;
  const { host, pathname } = new URL(source.url);
  if (!/^[\w.~/-]+$/.test(pathname) || pathname.includes('//')) return null;
  return `${host}${pathname.replace(/\/$/, '').replace(/\.git$/, '')}`;
};
