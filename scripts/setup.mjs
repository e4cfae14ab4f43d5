/**
 * Makes this clone ready to run: packages, the Temporal CLI, bubblewrap; with `--servers` also what the production profile stands on, with
 * `--cluster` what a Kubernetes cluster of this machine needs, with `--images` what builds images, with `--deploy-tools` what checks the Helm chart.
 * Safe to run at any time and by several processes at once; does nothing where nothing is missing. Runs on Node 20 or newer and needs nothing installed.
 */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bubblewrap } from './setup/bubblewrap.mjs';
import { deployTools } from './setup/deploy-tools.mjs';
import { engine } from './setup/engine.mjs';
import { ensure, say } from './setup/ensure.mjs';
import { exclusively } from './setup/exclusive.mjs';
import { clusterPackages, kubernetes } from './setup/kubernetes.mjs';
import { packages } from './setup/packages.mjs';
import { cosPython, debianServers, kafka } from './setup/servers.mjs';
import { SetupError } from './setup/setup-error.mjs';
import { systemTools } from './setup/system-tools.mjs';
import { temporal } from './setup/temporal.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const wantsServers = process.argv.includes('--servers');
const wantsImages = process.argv.includes('--images');
const tools = process.argv.includes('--deploy-tools') ? deployTools() : [];
// A cluster that is already there needs nothing of this machine.
const wantsCluster = process.argv.includes('--cluster') && !process.env.KUBECONFIG;

const oneByOne = async (steps) => {
  for (const step of steps) await ensure(step);
};

/** Whether all of them came to be; says what did not. */
const settle = async (steps) => {
  const results = await Promise.allSettled(steps);
  const problems = new Set(results.filter((result) => result.status === 'rejected').map((result) => result.reason));
  for (const problem of problems) say(problem instanceof SetupError ? problem.message : String(problem?.stack ?? problem));
  return problems.size === 0;
};

const installMissing = async () => {
  // One after the other: apt lets only one in.
  const sandbox = ensure(bubblewrap());
  const servers = sandbox.catch(() => undefined).then(() => (wantsServers ? ensure(debianServers()) : undefined));
  const images = servers.catch(() => undefined).then(() => (wantsImages ? ensure(engine()) : undefined));
  const clusterTools = images.catch(() => undefined).then(() => (wantsCluster ? ensure(clusterPackages()) : undefined));
  const packagesDone = ensure(packages(root));
  const needed = settle([ensure(systemTools()), sandbox, packagesDone, ensure(temporal(root, packagesDone)), oneByOne(tools)]);
  const wished = settle([
    images,
    ...(wantsServers ? [servers, ensure(kafka(servers)), ensure(cosPython())] : []),
    ...(wantsCluster ? [clusterTools, ensure(kubernetes(root))] : []),
  ]);
  // Tests of a server or cluster that can't be had are skipped, and named at the end, unless this is CI.
  return (await needed) && ((await wished) || !process.env.CI);
};

const all = [
  ...[systemTools(), bubblewrap(), packages(root), temporal(root)],
  ...(wantsServers ? [debianServers(), kafka(), cosPython()] : []),
  ...(wantsImages ? [engine()] : []),
  ...(wantsCluster ? [clusterPackages(), kubernetes(root)] : []),
  ...tools,
];
const done = await Promise.all(all.map((step) => step.isDone()));
const ready =
  done.every(Boolean) || (await exclusively(root, () => say('another set-up of this clone is at work; waiting for it'), installMissing));
process.exitCode = ready ? 0 : 1;
