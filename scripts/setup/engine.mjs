import { aptInstall } from './apt.mjs';
import { run, which } from './command.mjs';
import { serverPath } from './servers.mjs';

/** What brings an engine of our own, and a Debian to build on where no registry is reachable. Each command stands for its package. */
const DEBIAN = { dockerd: 'docker.io', mmdebstrap: 'mmdebstrap' };

const missing = () => Object.keys(DEBIAN).filter((name) => which(name, { PATH: serverPath() }) === null);

/** Whether an engine runs already, as `docker` is set up to reach it. */
export const engineAnswers = async () => (await run('docker', ['version', '--format', '{{.Server.Version}}'])).code === 0;

/** Something that builds images: the engine that runs, else one that `npm run images` can start by itself. */
export const engine = () => ({
  title: 'Docker engine, mmdebstrap',
  isDone: async () => missing().length === 0 || (await engineAnswers()),
  install: async () => {
    const packages = missing().map((name) => DEBIAN[name]);
    await aptInstall(packages, 'start a Docker engine that `docker version` reaches');
  },
});
