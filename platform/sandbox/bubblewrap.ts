import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CompartmentCommand, CompartmentPaths } from '../../tasks/ports/compartment.ts';
import type { RunLimits } from '../../tasks/run.ts';
import { SYSTEM_PATH } from '../system-path.ts';
import type { Confinement } from './confinement.ts';
import { runFiles } from './run-folder.ts';

/** Where a run's folders appear inside. */
export const SANDBOX_PATHS: CompartmentPaths = {
  code: '/app/code',
  home: '/app/home',
  output: '/app/output',
  tmp: '/tmp',
  task: '/app/task',
  install: '/opt/codebay',
  node: '/opt/codebay/bin/node',
  sockets: '/run/codebay',
  side: '/app/side',
  sideTmp: '/tmp',
};

/** The system's programs come first; our Node serves where the system has none. */
const PATH = `${SYSTEM_PATH}:/opt/codebay/bin`;
const SHARED_MEMORY_BYTES = 256 * 1024 * 1024;
const SYSTEM_FOLDERS = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];
/** What compilers, interpreters and TLS read; nothing that names users, hosts or secrets of this machine. */
const SYSTEM_FILES =
  /^(ld\.so\..*|alternatives|ca-certificates|pki|localtime|timezone|mime\.types|magic|fonts|perl|java-.*|python3.*|maven)$/;

const systemMounts = (): string[] => [
  ...['--ro-bind', '/usr', '/usr'],
  ...SYSTEM_FOLDERS.flatMap((path) => {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) return [];
    return found.isSymbolicLink() ? ['--symlink', readlinkSync(path), path] : ['--ro-bind', path, path];
  }),
  ...['--perms', '0755', '--dir', '/etc', '--perms', '0755', '--dir', '/etc/ssl'],
  ...readdirSync('/etc')
    .filter((name) => SYSTEM_FILES.test(name))
    .flatMap((name) => ['--ro-bind-try', join('/etc', name), join('/etc', name)]),
  ...['/etc/ssl/certs', '/etc/ssl/openssl.cnf'].flatMap((path) => ['--ro-bind-try', path, path]),
];

const parentsOf = (path: string): string[] => {
  const parent = dirname(path);
  return parent === '/' ? [] : [...parentsOf(parent), parent];
};

/**
 * /opt itself can't be shown whole: our own part has to be mounted into it. Folders on the way are made here, as bubblewrap's own would be
 * closed to the run's user.
 */
const readableMounts = (readable: readonly string[]): string[] =>
  readable
    .flatMap((path) => (path === '/opt' ? readdirSync(path).map((name) => join(path, name)) : [path]))
    .flatMap((path) => [...parentsOf(path).flatMap((parent) => ['--perms', '0755', '--dir', parent]), '--ro-bind', path, path]);

const installMounts = ({ install, node }: Pick<Confinement, 'install' | 'node'>): string[] => [
  ...[
    '--perms',
    '0755',
    '--dir',
    '/opt',
    '--perms',
    '0755',
    '--dir',
    SANDBOX_PATHS.install,
    '--perms',
    '0755',
    '--dir',
    '/opt/codebay/bin',
  ],
  ...['agent', 'tasks', 'node_modules', 'package.json'].flatMap((name) => [
    '--ro-bind',
    join(install, name),
    join(SANDBOX_PATHS.install, name),
  ]),
  ...['--ro-bind', node, SANDBOX_PATHS.node],
];

/** What every program sees of the host, read-only: the system's programs, this installation, and what else the operator shows. */
export const programMounts = (confinement: Pick<Confinement, 'install' | 'node' | 'readable'>): string[] => [
  ...systemMounts(),
  ...readableMounts(confinement.readable),
  ...installMounts(confinement),
];

const namespaces = (confinement: Confinement): string[] => [
  ...['--unshare-ipc', '--unshare-pid', '--unshare-net', '--unshare-uts', '--unshare-cgroup-try'],
  ...['--hostname', 'codebay', '--new-session', '--die-with-parent', '--cap-drop', 'ALL'],
  ...(confinement.uid === null
    ? ['--unshare-user', '--disable-userns']
    : ['--cap-add', 'CAP_SETUID', '--cap-add', 'CAP_SETGID', '--cap-add', 'CAP_SETPCAP']),
];

const runMounts = (path: string, confinement: Confinement, command: Pick<CompartmentCommand, 'side' | 'sockets'>): string[] => {
  const files = runFiles(path);
  return [
    ...['--perms', '0755', '--dir', '/app', '--bind', files.code, SANDBOX_PATHS.code, '--bind', files.home, SANDBOX_PATHS.home],
    ...['--bind', files.output, SANDBOX_PATHS.output, '--bind', files.tmp, SANDBOX_PATHS.tmp],
    ...(command.side === true ? ['--bind', files.side, SANDBOX_PATHS.side] : []),
    ...['--ro-bind', files.task, SANDBOX_PATHS.task, '--symlink', 'task/task.json', '/app/task.json'],
    ...['--perms', '0755', '--dir', '/var', '--symlink', '/tmp', '/var/tmp', '--perms', '0755', '--dir', '/run'],
    // Always something of the folder that carries the run's mark: by it a process of the run is found from outside.
    ...['--ro-bind', command.sockets ?? join(confinement.sockets, 'none'), SANDBOX_PATHS.sockets],
    ...['passwd', 'group', 'hosts', 'nsswitch.conf'].flatMap((name) => ['--ro-bind', join(files.etc, name), join('/etc', name)]),
  ];
};

/** Options of bubblewrap for one command. They hold the command's environment, so they travel by descriptor, never by argument. */
export const bubblewrapOptions = (
  path: string,
  confinement: Confinement,
  command: Pick<CompartmentCommand, 'side' | 'sockets' | 'env'>,
): string[] => [
  ...namespaces(confinement),
  ...['--proc', '/proc', '--dev', '/dev', '--size', String(SHARED_MEMORY_BYTES), '--perms', '1777', '--tmpfs', '/dev/shm'],
  ...programMounts(confinement),
  ...runMounts(path, confinement, command),
  ...['--remount-ro', '/', '--clearenv'],
  ...Object.entries({
    PATH,
    HOME: SANDBOX_PATHS.home,
    TMPDIR: SANDBOX_PATHS.tmp,
    LANG: 'C.UTF-8',
    ...Object.fromEntries(Object.entries(command.env ?? {}).filter(([name]) => !steersLoader(name))),
  }).flatMap(([name, value]) => ['--setenv', name, value]),
];

/** `setpriv` still may become any user: what makes a program load foreign code must reach only what runs after it. */
const steersLoader = (name: string): boolean => /^(LD_.*|GLIBC_TUNABLES|GCONV_PATH|LOCPATH|NLSPATH)$/.test(name);

/** What bubblewrap executes: privileges and limits go first, then the folder is entered as the run's own user, who may have closed it to others. */
export const confinedArgv = (
  confinement: Confinement,
  limits: Pick<RunLimits, 'processes' | 'diskBytes'>,
  command: Pick<CompartmentCommand, 'argv' | 'cwd' | 'env'>,
): string[] => [
  ...(confinement.uid === null
    ? []
    : [
        ...['/usr/bin/setpriv', '--reuid', String(confinement.uid), '--regid', String(confinement.uid), '--clear-groups'],
        ...['--bounding-set=-all', '--inh-caps=-all', '--no-new-privs', '--'],
      ]),
  ...['/usr/bin/prlimit', '--core=0:0', `--fsize=${limits.diskBytes}:${limits.diskBytes}`],
  ...[`--nproc=${limits.processes}:${limits.processes}`, '--', '/usr/bin/env', '-C', command.cwd],
  ...Object.entries(command.env ?? {})
    .filter(([name]) => steersLoader(name))
    .map(([name, value]) => `${name}=${value}`),
  ...command.argv,
];
