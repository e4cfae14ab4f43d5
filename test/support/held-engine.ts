import { type BuiltImage, engineFolder } from '../../scripts/images/build.ts';
import { type Engine, withEngine } from '../../scripts/images/engine.ts';
import { type BuiltImages, builtImages, IMAGES_FOLDER } from './built-images.ts';

export interface HeldEngine extends Engine {
  readonly images: BuiltImages;
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
  const images = await builtImages();
  const released = Promise.withResolvers<void>();
  const held = Promise.withResolvers<Engine>();
  const use = withEngine(engineFolder(IMAGES_FOLDER), async (engine) => {
    for (const image of Object.values(images)) await loadImage(engine, image);
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
