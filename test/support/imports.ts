import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const IMPORT = /^(?:import|export)\s+(?!type\b)[^;]*?from\s+'([^']+)'|\bimport\(\s*'([^']+)'\s*\)|^import\s+'([^']+)'/gm;

/** What an entry needs when it runs: our files, and the names of the packages, of all that it imports, directly or not; types don't count. */
export const importsOf = (root: string, entries: readonly string[]): { files: ReadonlySet<string>; packages: ReadonlySet<string> } => {
  const files = new Set<string>();
  const packages = new Set<string>();
  const walk = (file: string): void => {
    if (files.has(relative(root, file))) return;
    files.add(relative(root, file));
    for (const match of readFileSync(file, 'utf8').matchAll(IMPORT)) {
      const name = match[1] ?? match[2] ?? match[3] ?? '';
      const path = join(dirname(file), name);
      if (name.startsWith('.')) {
        if (!existsSync(path)) throw new Error(`${file} imports ${name}, which is not there`);
        walk(path);
      } else if (!name.startsWith('node:')) {
        packages.add(name.split('/', name.startsWith('@') ? 2 : 1).join('/'));
      }
    }
  };
  for (const entry of entries) walk(join(root, entry));
  return { files, packages };
};
