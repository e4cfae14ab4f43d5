import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cacheFolder } from '../setup/temporal-cli.mjs';
import { buildImages } from './build.ts';
import { EngineCommandError, EngineMissingError } from './engine.ts';

const HELP = `Usage: npm run images -- [--base IMAGE] [--ca FILE]

Builds the images of deploy/docker and saves each as a tar: by the Docker engine that runs, else by one that it starts for the while (as root,
on Debian or Ubuntu) on a Debian made here, so that no registry is needed. Nothing is built where nothing has changed.

  --base IMAGE   what the images stand on (BASE in the Dockerfiles)
  --ca FILE      certificates that npm and Go shall trust while they build; default: NODE_EXTRA_CA_CERTS
`;

const { values } = parseArgs({ options: { base: { type: 'string' }, ca: { type: 'string' }, help: { type: 'boolean' } } });
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const began = Date.now();
const say = (line: string): boolean => process.stderr.write(`images: ${((Date.now() - began) / 1000).toFixed(0)} s ${line}\n`);
const options = {
  root: join(import.meta.dirname, '../..'),
  folder: join(cacheFolder(), 'images'),
  base: values.base,
  ca: values.ca ?? process.env.NODE_EXTRA_CA_CERTS,
  say,
};
const images = await buildImages(options).catch((error: unknown) => {
  if (!(error instanceof EngineCommandError || error instanceof EngineMissingError)) throw error;
  say(error.message);
  return process.exit(1);
});
for (const { reference, tar, sizeBytes } of images) {
  process.stdout.write(`${reference.padEnd(36)} ${(sizeBytes / 1e6).toFixed(0).padStart(5)} MB  ${tar}\n`);
}
