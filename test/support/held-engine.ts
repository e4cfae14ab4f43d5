import { join } from 'node:path';
import { type BuiltImage, buildImages, engineFolder } from '../../scripts/images/build.ts';
import { type Engine, withEngine } from '../../scripts/images/engine.ts';
import { cacheFolder } from '../../scripts/setup/temporal-cli.mjs';

export interface HeldEngine extends Engine {
  readonly images: readonly BuiltImage[];
  release(): Promise<void>;
}

/** Brings the image to the engine where it isn't there yet. */
export const loadImage = async ({ docker }: Engine, { reference, tar }: BuiltImage): Promise<void> => {
  const known = await docker(['image', 'inspect', reference]).then(
    () => true,
    () => false,
  );
  if (!known) await docker(['load', '--input', tar]);
};

/** The images as they would be built now, and an engine that has them until it is released. */
export const holdEngine = async (): Promise<HeldEngine> => {
  const folder = join(cacheFolder(), 'images');
  const say = (line: string): boolean => process.stderr.write(`images: ${line}\n`);
  const images = await buildImages({ root: join(import.meta.dirname, '../..'), folder, ca: process.env.NODE_EXTRA_CA_CERTS, say });
  const released = Promise.withResolvers<void>();
  const held = Promise.withResolvers<Engine>();
  const use = withEngine(engineFolder(folder), async (engine) => {
    for (const image of images) await loadImage(engine, image);
    held.resolve(engine);
    await released.promise;
  });
  use.catch(held.reject);
  const engine = await held.promise;
  const release = async (): Promise<void> => {
    released.resolve();
    await use;
  };
  return { ...engine, images, release };
};
