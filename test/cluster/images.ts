import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { findServer } from '../servers/server-process.ts';

/** Holds each pod's namespaces; containerd is told that it is here. */
export const PAUSE_IMAGE = 'codebay.test/pause:1';
/** CoreDNS. */
export const DNS_IMAGE = 'codebay.test/dns:1';
/** sh, nc, wget, httpd and the rest of busybox; for pods of tests. */
export const BUSYBOX_IMAGE = 'codebay.test/busybox:1';

export interface ImageConfig {
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly User?: string;
}

const sha256 = async (file: string) =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');

/** Writes `tarFile`, a docker-archive of one layer that holds what `root` holds, without an engine. */
export const writeImage = async (root: string, reference: string, config: ImageConfig, tarFile: string): Promise<void> => {
  const draft = await mkdtemp(`${tarFile}-`);
  try {
    const layer = join(draft, 'layer.tar');
    await execa('tar', ['--numeric-owner', '--owner=0', '--group=0', '--sort=name', '--mtime=@0', '-C', root, '-cf', layer, '.']);
    const diffId = await sha256(layer);
    const image = {
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      created: '1970-01-01T00:00:00Z',
      config,
      rootfs: { type: 'layers', diff_ids: [`sha256:${diffId}`] },
    };
    const text = JSON.stringify(image);
    const configName = `${createHash('sha256').update(text).digest('hex')}.json`;
    const layerName = `${diffId}.tar`;
    await rename(layer, join(draft, layerName));
    await writeFile(join(draft, configName), text);
    await writeFile(join(draft, 'manifest.json'), JSON.stringify([{ Config: configName, RepoTags: [reference], Layers: [layerName] }]));
    await execa('tar', ['-C', draft, '-cf', tarFile, 'manifest.json', configName, layerName]);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
};

export const busyboxRoot = async (root: string): Promise<void> => {
  for (const name of ['bin', 'etc', 'tmp', 'proc', 'sys', 'dev']) await mkdir(join(root, name));
  await chmod(join(root, 'tmp'), 0o1777);
  const busybox = findServer('busybox');
  await copyFile(busybox, join(root, 'bin/busybox'));
  // Asked of the original: a file that has just been written can't be started while a child of somebody else still holds it open.
  const { stdout } = await execa(busybox, ['--list']);
  for (const applet of stdout.split('\n').filter((name) => name !== 'busybox')) await symlink('busybox', join(root, 'bin', applet));
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n');
  await writeFile(join(root, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
};

/** The images that every cluster has, written below `folder`; returns their files. */
export const writeBaseImages = async (
  folder: string,
  { pause, dns }: { readonly pause: string; readonly dns: string },
): Promise<readonly string[]> => {
  const program = (path: string) => (root: string) => copyFile(path, join(root, 'program'));
  const alone = { Entrypoint: ['/program'], User: '65535:65535' };
  const images = [
    { name: 'pause', reference: PAUSE_IMAGE, config: alone, fill: program(pause) },
    { name: 'dns', reference: DNS_IMAGE, config: alone, fill: program(dns) },
    { name: 'busybox', reference: BUSYBOX_IMAGE, config: { Cmd: ['sh'], Env: ['PATH=/bin'] }, fill: busyboxRoot },
  ];
  return Promise.all(
    images.map(async ({ name, reference, config, fill }) => {
      const root = join(folder, name);
      await mkdir(root, { recursive: true });
      await fill(root);
      const file = join(folder, `${name}.tar`);
      await writeImage(root, reference, config, file);
      return file;
    }),
  );
};
