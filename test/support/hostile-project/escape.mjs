import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const LOOK_EVERY_MS = 20;
const LOOKS = 100;

const succeeds = (script) => spawnSync('sh', ['-c', script], { stdio: 'ignore' }).status === 0;

const commandOf = (pid) => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
};

const pids = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name));

/** Leaves a process that has left its parents, its session and its group; whether it runs. */
export const leaveDaemon = async (word) => {
  spawnSync('sh', ['-c', `setsid sh -c 'sh -c "sleep 600; :" ${word} &' &`], { stdio: 'ignore' });
  for (let look = 0; look < LOOKS; look += 1) {
    if (pids().some((pid) => commandOf(pid).includes(word))) return true;
    await pause(LOOK_EVERY_MS);
  }
  return false;
};

/** What would lead out of the sandbox: namespaces, mounts, other processes. Nothing of it changes the machine where it works. */
export const waysOut = ({ bystander }) => ({
  escaped: Object.entries({
    'user namespace': () => succeeds('unshare --user --map-root-user true'),
    'mount namespace': () => succeeds('unshare --mount true'),
    'network namespace': () => succeeds('unshare --net true'),
    mount: () => succeeds('unshare --mount mount -t tmpfs none /mnt || unshare --user --map-root-user --mount mount -t tmpfs none /mnt'),
    'mount here': () => succeeds('mkdir -p $TMPDIR/mnt && mount -t tmpfs none $TMPDIR/mnt && umount $TMPDIR/mnt'),
    'kernel settings': () => succeeds('[ -w /proc/sys/kernel/core_pattern ]'),
    'see a process of the host': () => pids().some((pid) => commandOf(pid).includes(bystander.word)),
    'signal a process of the host': () => succeeds(`kill -0 ${bystander.pid}`),
    'the root of another process': () => pids().some((pid) => existsSync(`/proc/${pid}/root${bystander.folder}`)),
  })
    .filter(([, attempt]) => attempt())
    .map(([name]) => name),
});

/** How many of so many processes could be started at once. All of them are ended again. */
export const forkAll = async (count) => {
  const children = [];
  for (let made = 0; made < count; made += 1) {
    try {
      const child = spawn('sleep', ['30'], { stdio: 'ignore' });
      child.on('error', () => undefined);
      if (child.pid === undefined) break;
      children.push(child);
    } catch {
      break;
    }
  }
  const gone = children.map((child) => new Promise((resolve) => child.on('exit', resolve)));
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(gone);
  return children.length;
};
