import { join } from 'node:path';
import Docker from 'dockerode';
import { type Engine, EngineMissingError, withEngine, withOwnEngine } from '../../scripts/images/engine.ts';
import { engineAnswers } from '../../scripts/setup/engine.mjs';
import { cacheFolder } from '../../scripts/setup/temporal-cli.mjs';
import { builtImages } from './built-images.ts';
import { loadImage } from './held-engine.ts';

/** An engine that has networks. */
export interface HeldDocker extends Engine {
  readonly client: Docker;
  release(): Promise<void>;
}

/** Set by `test/docker/main.ts`, which puts the tests into a network namespace of their own. */
const hasOwnNetwork = (): boolean => process.env.CODEBAY_TESTS_OWN_NETWORK === 'yes';

/** What a killed test run left on an engine of our own. */
const sweep = async ({ docker }: Engine): Promise<void> => {
  const left = (await docker(['ps', '--all', '--quiet'])).split('\n').filter((id) => id !== '');
  if (left.length > 0) await docker(['rm', '--force', '--volumes', ...left]);
  await docker(['volume', 'prune', '--force']);
  await docker(['network', 'prune', '--force']);
};

/**
 * The engine that runs already; else one started for the tests, which has to stand in a network namespace of its own together with them, since
 * it makes bridges and firewall rules: `npm run test:docker` sees to that.
 */
export const holdDocker = async (): Promise<HeldDocker> => {
  const released = Promise.withResolvers<void>();
  const held = Promise.withResolvers<Engine>();
  const hold = async (engine: Engine): Promise<void> => {
    held.resolve(engine);
    await released.promise;
  };
  if (!hasOwnNetwork() && !(await engineAnswers()))
    throw new EngineMissingError('no Docker engine runs; `npm run test:docker` as root starts one for the tests');
  const use = hasOwnNetwork()
    ? withOwnEngine(
        join(cacheFolder(), 'docker-tests'),
        async (engine) => {
          await sweep(engine);
          await hold(engine);
          await sweep(engine);
        },
        { bridges: true },
      )
    : withEngine(join(cacheFolder(), 'docker-tests'), hold);
  use.catch(held.reject);
  const engine = await held.promise;
  const socket = engine.environment.DOCKER_HOST?.replace('unix://', '');
  const release = async (): Promise<void> => {
    released.resolve();
    await use;
  };
  return { ...engine, client: new Docker(socket === undefined ? {} : { socketPath: socket }), release };
};

/** The images as they would be built now, on this engine; it forgets the ones before. */
export const loadOwnImages = async (engine: Engine): Promise<{ readonly sidecar: string; readonly agent: string }> => {
  const { codebay, agent } = await builtImages();
  for (const image of [codebay, agent]) await loadImage(engine, image);
  if (hasOwnNetwork()) {
    const known = (await engine.docker(['images', '--format', '{{.Repository}}:{{.Tag}}'])).split('\n');
    const current = [codebay.reference, agent.reference];
    const old = known.filter((reference) => /^(codebay|codex-agent):/.test(reference) && !current.includes(reference));
    if (old.length > 0) await engine.docker(['rmi', ...old]);
  }
  return { sidecar: codebay.reference, agent: agent.reference };
};
