import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { SetupDecision, SetupRequest, SetupScript } from '../../tasks/setup-protocol.ts';
import { createGit } from './git.ts';
import type { DescribedRun } from './run-parts.ts';

const ASK_AGAIN_MS = 2_000;
/** The part of set-up's time limit that a run waits for another one's set-up before it does its own. */
const WAITING_SHARE = 0.5;

/** Files that say what an installation installs. */
const DEPENDENCY_FILES = [
  ...['package.json', 'package-lock.json', 'npm-shrinkwrap.json', 'yarn.lock', 'pnpm-lock.yaml', 'bun.lock', 'bun.lockb', 'deno.lock'],
  ...[
    'requirements*.txt',
    'constraints*.txt',
    'pyproject.toml',
    'setup.py',
    'setup.cfg',
    'poetry.lock',
    'Pipfile',
    'Pipfile.lock',
    'uv.lock',
  ],
  ...['go.mod', 'go.sum', 'Cargo.toml', 'Cargo.lock', 'Gemfile', 'Gemfile.lock', 'composer.json', 'composer.lock', 'mix.exs', 'mix.lock'],
  ...['pom.xml', 'build.gradle*', 'gradle.lockfile', 'environment.yml', 'flake.nix', 'flake.lock', 'Package.swift', 'Package.resolved'],
];

type Ended = Exclude<SetupDecision, { readonly decision: 'wait' }>;

const dependenciesOf = async (run: DescribedRun): Promise<string> => {
  const hash = createHash('sha256');
  // The index is the code as it was staged; it has the hash of each file.
  const script = 'git ls-files -s -z -- "$@"';
  const args = DEPENDENCY_FILES.map((name) => `:(glob)**/${name}`);
  await createGit(run.compartment)({ script, args, onStdout: (chunk) => void hash.update(chunk), signal: run.life.working });
  return hash.digest('hex');
};

/**
 * Asks the gateway whether and how set-up happens; another run that builds the same is waited for, within bounds. `environment`: what programs
 * find around them; null where nothing of another run is wanted.
 */
export const askForSetup = async (run: DescribedRun, script: SetupScript, environment: string | null): Promise<Ended> => {
  const { gateway, life, order } = run;
  const cache: SetupRequest['cache'] =
    environment === null ? undefined : { environment, dependencies_sha256: await dependenciesOf(run), may_wait: true };
  const until = Date.now() + order.limits.setupTimeMs * WAITING_SHARE;
  for (let told = false; ; told = true) {
    const wish = cache && { ...cache, may_wait: Date.now() < until };
    const decision = await gateway.beginSetup({ script, ...(wish === undefined ? {} : { cache: wish }) }, life.working);
    if (decision.decision !== 'wait') return decision;
    if (!told) run.note(`set-up waits: ${decision.detail}`);
    await delay(ASK_AGAIN_MS, undefined, { signal: life.working }).catch(() => life.working.throwIfAborted());
  }
};
