import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { SYSTEM_PATH } from '../system-path.ts';
import { isErrno, readIfThere } from './atomic-file.ts';
import { programMounts, SANDBOX_PATHS } from './bubblewrap.ts';
import { makeCgroups, removeCgroups } from './cgroup.ts';

export type IsolationProbe =
  | {
      readonly ok: true;
      readonly mode: 'root' | 'user';
      /** bubblewrap's. */
      readonly version: string;
      /** What bounds a run's memory; `none`: nothing but the machine. */
      readonly memory: 'cgroup1' | 'cgroup2' | 'none';
      /** What bounds a run's processes. */
      readonly processes: 'cgroup' | 'rlimit';
    }
  | { readonly ok: false; readonly problem: string; readonly remedy: string };

/** What runs shall be able to read. */
export interface ShownPrograms {
  readonly install: string;
  readonly node: string;
  readonly readable: readonly string[];
}

const run = promisify(execFile);
const MINIMUM = [0, 8] as const;
const UID_OF_PROBE = '1900000000';

const failed = (problem: string, remedy: string): IsolationProbe => ({ ok: false, problem, remedy });

const INSTALL = 'Install bubblewrap 0.8 or newer (Debian, Ubuntu: `apt-get install bubblewrap`; Fedora: `dnf install bubblewrap`).';

/** Null where there is no bubblewrap among the system's programs. */
const bubblewrapVersion = async (searchPath: string): Promise<string | null> => {
  try {
    return (await run('bwrap', ['--version'], { env: { PATH: searchPath } })).stdout.trim().replace(/^bubblewrap /, '');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null;
    throw error;
  }
};

const isOld = (version: string): boolean => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < MINIMUM[0] || (major === MINIMUM[0] && minor < MINIMUM[1]);
};

const SANDBOX = [
  ...['--unshare-ipc', '--unshare-pid', '--unshare-net', '--unshare-uts', '--unshare-cgroup-try', '--new-session', '--die-with-parent'],
  ...['--cap-drop', 'ALL', '--proc', '/proc', '--dev', '/dev'],
];
const AS_USER = ['--unshare-user', '--disable-userns', '--', '/usr/bin/prlimit', '--core=0:0', '--'];
const AS_ROOT = [
  ...['--cap-add', 'CAP_SETUID', '--cap-add', 'CAP_SETGID', '--cap-add', 'CAP_SETPCAP', '--'],
  ...['/usr/bin/setpriv', '--reuid', UID_OF_PROBE, '--regid', UID_OF_PROBE, '--clear-groups'],
  ...['--bounding-set=-all', '--inh-caps=-all', '--no-new-privs', '--', '/usr/bin/prlimit', '--core=0:0', '--'],
];

/** Runs a program in a sandbox with these mounts; null where it succeeded, else what was said. */
const attempt = async (mode: 'root' | 'user', mounts: readonly string[], argv: readonly string[]): Promise<string | null> => {
  // Mounts come first: what the sandbox makes itself lies over them.
  const options = [...mounts, ...SANDBOX, ...(mode === 'root' ? AS_ROOT : AS_USER), ...argv];
  try {
    await run('bwrap', options, { env: { PATH: SYSTEM_PATH }, timeout: 20_000 });
    return null;
  } catch (error) {
    const said = typeof error === 'object' && error !== null && 'stderr' in error ? String(error.stderr).trim() : String(error);
    return said.slice(0, 500) || 'it said nothing';
  }
};

/** Prints the first of its arguments that can't be read. */
const READ_ALL = 'for path; do [ -r "$path" ] || { echo "$path" >&2; exit 3; }; done; [ -x "$1" ]';
const SAMPLES = ['agent/main.ts', 'agent/forwarder.ts', 'tasks/run-protocol.ts', 'node_modules/zod/package.json', 'package.json'];

/** Whether a run's user can read what its programs are made of; null where it can. */
const findUnreadable = async (mode: 'root' | 'user', shown: ShownPrograms): Promise<IsolationProbe | null> => {
  const install = await realpath(shown.install);
  const mounts = programMounts({ install, node: await realpath(shown.node), readable: [...shown.readable] });
  const { node, install: inside } = SANDBOX_PATHS;
  const said = await attempt(mode, mounts, ['/bin/sh', '-c', READ_ALL, 'sh', node, ...SAMPLES.map((name) => `${inside}/${name}`)]);
  if (said === null) return null;
  if (said === node) return failed(`Runs can't execute ${shown.node}.`, `Run \`chmod a+rx ${shown.node}\`.`);
  if (said.startsWith(`${inside}/`)) {
    const file = `${install}${said.slice(inside.length)}`;
    return failed(
      `Runs have a user of their own, who can't read this installation: ${file}.`,
      `Run \`chmod -R a+rX ${install}\`, or clone again under \`umask 022\`.`,
    );
  }
  return failed(
    `bubblewrap can't show this installation to runs: ${said}`,
    `Move ${dirname(install)} to a local disk, and name only folders that exist in CODEBAY_RUN_READABLE.`,
  );
};

const isSet = async (path: string, value: string): Promise<boolean> => (await readIfThere(path))?.trim() === value;

/** Why a sandbox can't be made here, told from the kernel's switches: messages differ between versions. */
const explain = async (mode: 'root' | 'user', said: string): Promise<IsolationProbe> => {
  if (mode === 'user' && (await isSet('/proc/sys/kernel/apparmor_restrict_unprivileged_userns', '1'))) {
    return failed(
      'AppArmor keeps ordinary users from making the namespaces that bubblewrap needs.',
      'Allow them for bubblewrap: put `abi <abi/4.0>, include <tunables/global> profile bwrap /usr/bin/bwrap flags=(unconfined) { userns, }` into /etc/apparmor.d/bwrap and run `systemctl reload apparmor`.',
    );
  }
  if (mode === 'user' && (await isSet('/proc/sys/kernel/unprivileged_userns_clone', '0'))) {
    return failed('This kernel lets only root make user namespaces.', 'Run `sysctl kernel.unprivileged_userns_clone=1` as root.');
  }
  if (mode === 'user' && (await isSet('/proc/sys/user/max_user_namespaces', '0'))) {
    return failed('User namespaces are switched off.', 'Run `sysctl user.max_user_namespaces=15000` as root.');
  }
  return failed(
    `bubblewrap can't make a sandbox here: ${said}`,
    'Inside a container, give it the right to make namespaces and mounts (Docker: `--cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined`), and have util-linux (setpriv, prlimit) installed.',
  );
};

const memoryBound = async (): Promise<{ memory: 'cgroup1' | 'cgroup2' | 'none'; processes: 'cgroup' | 'rlimit' }> => {
  const cgroups = await makeCgroups(`codebay-probe-${randomBytes(6).toString('hex')}`, { memoryBytes: 64 * 1024 * 1024, processes: 16 });
  await removeCgroups(cgroups);
  return {
    memory: cgroups.memory === null ? 'none' : cgroups.version === 1 ? 'cgroup1' : 'cgroup2',
    processes: cgroups.pids === null ? 'rlimit' : 'cgroup',
  };
};

/**
 * Whether and how this process can isolate runs, found by really making a sandbox, and whether runs can read what they are `shown` there;
 * says how to mend it where not. bubblewrap is looked for in `searchPath`.
 */
export const probeIsolation = async ({
  shown,
  searchPath = SYSTEM_PATH,
}: {
  readonly shown?: ShownPrograms;
  readonly searchPath?: string;
} = {}): Promise<IsolationProbe> => {
  if (process.platform !== 'linux') return failed(`Runs are isolated by bubblewrap, which ${process.platform} doesn't have.`, 'Use Linux.');
  if (process.arch !== 'x64' && process.arch !== 'arm64')
    return failed(`There is no system-call filter for ${process.arch}.`, 'Use x64 or arm64.');
  const version = await bubblewrapVersion(searchPath);
  if (version === null) return failed('bubblewrap is not installed.', INSTALL);
  if (isOld(version)) return failed(`bubblewrap ${version} is too old.`, INSTALL);
  const mode = process.geteuid?.() === 0 ? 'root' : 'user';
  const said = await attempt(mode, ['--ro-bind', '/', '/'], ['/bin/true']);
  if (said !== null) return explain(mode, said);
  const unreadable = shown === undefined ? null : await findUnreadable(mode, shown);
  if (unreadable !== null) return unreadable;
  return { ok: true, mode, version, ...(await memoryBound()) };
};
