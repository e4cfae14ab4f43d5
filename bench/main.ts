import { readdirSync } from 'node:fs';
import type { Ratio } from './rounds.ts';

/** `npm run bench [-- NAME…]`: each benchmark is a file here that exports `run()`; one JSON line a ratio on stdout. */
const SUPPORT = new Set(['main', 'rounds']);
const known = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -3))
  .filter((name) => !SUPPORT.has(name));

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`no such benchmark: ${unknown.join(', ')} (there are: ${known.join(', ')})\n`);
  process.exit(2);
}
for (const name of asked.length > 0 ? asked : known) {
  const { run }: { run: () => Promise<readonly Ratio[]> } = await import(`./${name}.ts`);
  for (const ratio of await run()) process.stdout.write(`${JSON.stringify(ratio)}\n`);
}
