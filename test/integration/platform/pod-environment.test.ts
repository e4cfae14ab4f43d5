import { execFileSync } from 'node:child_process';
import { chmod, lutimes, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { podEnvironment } from '../../../platform/pod/environment.ts';
import { openPod } from '../../support/pod-executors.ts';
import { openTemporaryFolder, writeTree } from '../../support/run-fixture.ts';

let root: string;
let draft: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ path: draft, remove } = await openTemporaryFolder());
  root = join(draft, 'root');
  await writeTree(root, { 'usr/bin/tool': 'version 1', 'usr/lib/lib.so': 'code', 'etc/hosts': 'pod one', 'etc/os-release': 'trixie' });
  await symlink('tool', join(root, 'usr/bin/link'));
  // Of one second, as all files of an image that is built to be the same again.
  for (const name of ['usr/bin/tool', 'usr/bin/link']) await lutimes(join(root, name), 1, 1);
});
afterEach(() => remove());

/** What a pod finds out about an image with these files; all pods of a test stand at the same place, one after the other. */
const seenBy = async ({ files = root, image = 'acme/app:1', env = {} } = {}): Promise<string | null> => {
  const pod = await openPod({ env, at: join(draft, 'pod') });
  try {
    return await podEnvironment(pod.compartment, { image, root: files }, new AbortController().signal);
  } finally {
    await pod.remove();
  }
};
const copyOf = async (change: (root: string) => Promise<unknown> = async () => undefined): Promise<string> => {
  const folder = await mkdtemp(join(draft, 'copy-'));
  await chmod(folder, 0o755);
  execFileSync('cp', ['-a', root, folder]);
  await change(join(folder, 'root'));
  return join(folder, 'root');
};

test('is the same in two pods of one image, whatever each start writes', async () => {
  const first = await seenBy();
  expect(first).toMatch(new RegExp(`^pod ${process.arch} [0-9a-f]{64}$`));
  const other = await copyOf(async (copy) => {
    await writeFile(join(copy, 'etc/hosts'), 'pod two, longer');
    await mkdir(join(copy, 'app/code'), { recursive: true });
  });
  expect(await seenBy({ files: other })).toBe(first);
});

const tool = 'usr/bin/tool';
test.each<[string, Parameters<typeof seenBy>[0], (root: string) => Promise<unknown>]>([
  ['the name of the image', { image: 'acme/app@sha256:0' }, async () => undefined],
  ['a variable that it sets', { env: { JAVA_HOME: '/opt/java' } }, async () => undefined],
  ['the size of a file', {}, (copy) => writeFile(join(copy, tool), 'version 10').then(() => utimes(join(copy, tool), 1, 1))],
  ['the time of a file', {}, (copy) => utimes(join(copy, tool), 2, 2)],
  ['a file more', {}, (copy) => writeFile(join(copy, 'usr/bin/more'), '')],
  ['a file less', {}, (copy) => rm(join(copy, 'usr/lib/lib.so'))],
  [
    'the target of a link',
    {},
    async (copy) => {
      await rm(join(copy, 'usr/bin/link'));
      await symlink('lool', join(copy, 'usr/bin/link'));
      await lutimes(join(copy, 'usr/bin/link'), 1, 1);
    },
  ],
])('changes with %s', async (_, given, change) => {
  const first = await seenBy();
  expect(await seenBy({ files: await copyOf(change), ...given })).not.toBe(first);
  expect(await seenBy({ files: await copyOf() })).toBe(first);
});

test('is not known where the image has no find that can tell', async () => {
  await writeTree(draft, { 'bin/find': '#!/bin/sh\nexit 1\n' });
  await chmod(join(draft, 'bin/find'), 0o755);
  expect(await seenBy({ env: { PATH: `${join(draft, 'bin')}:${process.env.PATH}` } })).toBeNull();
});
