#!/usr/bin/env node
/** Starts the CLI with the Node that the packages bring, whatever Node the machine has. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const node = join(root, 'node_modules/.bin/node');
if (!existsSync(node)) {
  process.stderr.write(`codebay: the packages are not installed. Run \`node ${join(root, 'scripts/setup.mjs')}\` first.\n`);
  process.exit(1);
}
const child = spawn(node, [join(root, 'cli/main.ts'), ...process.argv.slice(2)], { stdio: 'inherit' });
// A terminal sends Ctrl-C to both; any other signal is handed on. The child decides when to end.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY) || child.kill(signal));
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code ?? 1);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
