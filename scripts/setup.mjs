/**
 * Makes this clone ready to run: packages, the Temporal CLI, bubblewrap. Safe to run at any time and by several processes at once; does nothing
 * where nothing is missing. Runs on Node 20 or newer and needs nothing installed.
 */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bubblewrap } from './setup/bubblewrap.mjs';
import { exclusively } from './setup/exclusive.mjs';
import { packages } from './setup/packages.mjs';
import { SetupError } from './setup/setup-error.mjs';
import { systemTools } from './setup/system-tools.mjs';
import { temporal } from './setup/temporal.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const say = (line) => process.stderr.write(`set-up: ${line}\n`);

const ensure = async (step) => {
  if (await step.isDone()) return;
  say(`${step.title} …`);
  const began = Date.now();
  await step.install();
  say(`${step.title} ✓ ${((Date.now() - began) / 1000).toFixed(1)} s`);
};

const installMissing = async () => {
  const packagesDone = ensure(packages(root));
  const results = await Promise.allSettled([
    ensure(systemTools()),
    ensure(bubblewrap()),
    packagesDone,
    ensure(temporal(root, packagesDone)),
  ]);
  const problems = new Set(results.filter((result) => result.status === 'rejected').map((result) => result.reason));
  for (const problem of problems) say(problem instanceof SetupError ? problem.message : String(problem?.stack ?? problem));
  return problems.size === 0;
};

const all = [systemTools(), bubblewrap(), packages(root), temporal(root)];
const done = await Promise.all(all.map((step) => step.isDone()));
const ready =
  done.every(Boolean) || (await exclusively(root, () => say('another set-up of this clone is at work; waiting for it'), installMissing));
process.exitCode = ready ? 0 : 1;
