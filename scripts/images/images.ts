import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

export const IMAGE_NAMES = ['codebay', 'codex-agent'] as const;
export type ImageName = (typeof IMAGE_NAMES)[number];

export interface ImageSource {
  readonly name: ImageName;
  /** Relative to the root of the repository, as is everything that the image copies. */
  readonly dockerfile: string;
  readonly version: string;
  /** What `BASE` is in the Dockerfile where nothing else is asked for. */
  readonly defaultBase: string;
  /** Files and folders of the repository that the Dockerfile copies. */
  readonly copied: readonly string[];
}

const DEFAULT_BASE = /^ARG BASE=(.+)$/m;

/** What one of the images is made of, as its Dockerfile says. */
export const imageSource = (root: string, name: ImageName): ImageSource => {
  const dockerfile = `deploy/docker/${name}.Dockerfile`;
  const text = readFileSync(join(root, dockerfile), 'utf8');
  const defaultBase = DEFAULT_BASE.exec(text)?.[1];
  if (defaultBase === undefined) throw new Error(`${dockerfile} has no \`ARG BASE=…\``);
  const copies = text.split('\n').filter((line) => line.startsWith('COPY ') && !line.includes(' --from='));
  const copied = [...new Set(copies.flatMap((line) => line.split(/\s+/).slice(1, -1)))].sort();
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return { name, dockerfile, version, defaultBase, copied };
};

const filesBelow = (root: string, path: string): string[] =>
  statSync(join(root, path)).isDirectory()
    ? readdirSync(join(root, path))
        .sort()
        .flatMap((name) => filesBelow(root, `${path}/${name}`))
    : [path];

/** Twelve hex digits that change with anything that enters the image: its base, its Dockerfile, every file that it copies. */
export const fingerprint = (root: string, source: ImageSource, base: string): string => {
  const hash = createHash('sha256').update(`${base}\0${source.version}\0`);
  for (const file of [source.dockerfile, '.dockerignore', ...source.copied.flatMap((path) => filesBelow(root, path))]) {
    const path = join(root, file);
    hash
      .update(`${file}\0${statSync(path).mode & 0o111}\0`)
      .update(readFileSync(path))
      .update('\0');
  }
  return hash.digest('hex').slice(0, 12);
};
