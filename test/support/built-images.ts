import { join } from 'node:path';
import { type BuiltImage, buildImages } from '../../scripts/images/build.ts';
import { cacheFolder } from '../../scripts/setup/temporal-cli.mjs';

/** Where `npm run images` keeps them too. */
export const IMAGES_FOLDER = join(cacheFolder(), 'images');

export interface BuiltImages {
  readonly codebay: BuiltImage;
  readonly agent: BuiltImage;
}

/** The images as they would be built now; says on standard error what is being built. */
export const builtImages = async (): Promise<BuiltImages> => {
  const built = await buildImages({
    root: join(import.meta.dirname, '../..'),
    folder: IMAGES_FOLDER,
    ca: process.env.NODE_EXTRA_CA_CERTS,
    say: (line) => process.stderr.write(`images: ${line}\n`),
  });
  const find = (name: BuiltImage['name']): BuiltImage => {
    const image = built.find((one) => one.name === name);
    if (image === undefined) throw new Error(`no image ${name}`);
    return image;
  };
  return { codebay: find('codebay'), agent: find('codex-agent') };
};

/** An image as the chart's values name it. */
export const imageValue = ({ reference }: BuiltImage) => {
  const [repository, tag] = reference.split(':');
  return { repository, tag };
};
