import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { engineAnswers } from '../setup/engine.mjs';
import { type Engine, withEngine } from './engine.ts';
import { fingerprint, IMAGE_NAMES, type ImageName, type ImageSource, imageSource } from './images.ts';
import { localBaseName, makeLocalBase, suiteOf } from './local-base.ts';

export interface BuiltImage {
  readonly name: ImageName;
  /** `name:version-fingerprint`. */
  readonly reference: string;
  /** A file for `docker load` and `ctr images import`. */
  readonly tar: string;
  /** Unpacked. */
  readonly sizeBytes: number;
}

export interface BuildOptions {
  /** Of the repository. */
  readonly root: string;
  /** Where images, and what an engine of our own keeps, stay between builds. */
  readonly folder: string;
  /** In place of the Dockerfiles' base; else theirs, or one made here where an engine has to be started, because no registry is to be expected then. */
  readonly base?: string;
  /** A file of certificates that npm and Go shall trust while they build. */
  readonly ca?: string;
  readonly say: (line: string) => void;
}

/** What an engine of our own keeps below the folder of the images. */
export const engineFolder = (folder: string): string => join(folder, 'engine');

/** Of each image, how many stay; every change of the code makes a new one. */
const KEPT = 3;
/** What an engine of our own keeps of its builds: what two whole ones need. */
const BUILD_CACHE = '8GB';
const STEP = /^#\d+ (\[.+\] .+|exporting to image)$/;

interface Plan extends ImageSource {
  readonly reference: string;
  readonly tar: string;
  readonly record: string;
  readonly base: string;
}

const planOf = (options: BuildOptions, source: ImageSource, base: string): Plan => {
  const tag = `${source.version}-${fingerprint(options.root, source, base)}`;
  const path = join(options.folder, `${source.name}-${tag}`);
  return { ...source, base, reference: `${source.name}:${tag}`, tar: `${path}.tar`, record: `${path}.json` };
};

const built = async (plan: Plan): Promise<BuiltImage | null> => {
  if (!existsSync(plan.record) || !existsSync(plan.tar)) return null;
  const now = new Date();
  await utimes(plan.tar, now, now);
  const { sizeBytes } = JSON.parse(await readFile(plan.record, 'utf8')) as { sizeBytes: number };
  return { name: plan.name, reference: plan.reference, tar: plan.tar, sizeBytes };
};

const removeOld = async (engine: Engine, folder: string, name: ImageName): Promise<void> => {
  const tars = (await readdir(folder)).filter((file) => file.startsWith(`${name}-`) && file.endsWith('.tar'));
  const aged = await Promise.all(tars.map(async (file) => ({ file, usedMs: (await stat(join(folder, file))).mtimeMs })));
  const old = aged.sort((a, b) => b.usedMs - a.usedMs).slice(KEPT);
  for (const { file } of old) {
    // One that somebody uses stays.
    await engine.docker(['image', 'rm', `${name}:${file.slice(name.length + 1, -'.tar'.length)}`]).catch(() => undefined);
    await rm(join(folder, file.replace(/tar$/, 'json')), { force: true });
    await rm(join(folder, file), { force: true });
  }
};

const build = async (engine: Engine, options: BuildOptions, plan: Plan): Promise<BuiltImage> => {
  const { root, folder, ca, say } = options;
  const secret = ca === undefined ? [] : ['--secret', `id=ca,src=${ca}`];
  const parts = ['--build-arg', `BASE=${plan.base}`, '--build-arg', `VERSION=${plan.version}`];
  const steps = new Set<string>();
  const onLine = (line: string): void => {
    const step = STEP.exec(line)?.[1];
    if (step === undefined || steps.has(step)) return;
    steps.add(step);
    say(`${plan.name}: ${step.slice(0, 110)}`);
  };
  const files = ['--file', join(root, plan.dockerfile), '--tag', plan.reference, root];
  await engine.docker(['build', '--network=host', ...secret, ...parts, ...files], onLine);
  const sizeBytes = Number(await engine.docker(['image', 'inspect', '--format', '{{.Size}}', plan.reference]));
  const draft = `${plan.tar}.${process.pid}.draft`;
  try {
    await engine.docker(['save', '--output', draft, plan.reference]);
    await rename(draft, plan.tar);
  } finally {
    await rm(draft, { force: true });
  }
  await writeFile(plan.record, JSON.stringify({ sizeBytes }));
  await removeOld(engine, folder, plan.name);
  return { name: plan.name, reference: plan.reference, tar: plan.tar, sizeBytes };
};

/** Builds the images that are not in the folder as they would be now; at once where nothing has changed. */
export const buildImages = async (options: BuildOptions): Promise<readonly BuiltImage[]> => {
  const { root, folder } = options;
  await mkdir(folder, { recursive: true });
  const runs = await engineAnswers();
  const sources = IMAGE_NAMES.map((name) => imageSource(root, name));
  const baseOf = ({ defaultBase }: ImageSource) => options.base ?? (runs ? defaultBase : localBaseName(suiteOf(defaultBase)));
  const plans = sources.map((source) => planOf(options, source, baseOf(source)));
  const found = await Promise.all(plans.map(built));
  if (found.every((image) => image !== null)) return found;
  const buildAll = async (engine: Engine): Promise<BuiltImage[]> => {
    const images: BuiltImage[] = [];
    for (const [index, plan] of plans.entries()) {
      const suite = suiteOf(plan.defaultBase);
      if (plan.base === localBaseName(suite)) await makeLocalBase(engine, suite, folder);
      images.push(found[index] ?? (await build(engine, options, plan)));
    }
    if (!runs) await engine.docker(['builder', 'prune', '--force', '--keep-storage', BUILD_CACHE]);
    return images;
  };
  return withEngine(engineFolder(folder), buildAll);
};
