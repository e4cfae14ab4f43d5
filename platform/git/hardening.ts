/** What git may know of its host: where programs are, and which certificate authorities are trusted. */
export type HostEnvironment = Readonly<Record<string, string | undefined>>;

const PASSED_ON = ['PATH', 'GIT_SSL_CAINFO', 'SSL_CERT_FILE', 'SSL_CERT_DIR'];

/**
 * Git's whole environment: no proxy, no credential, no agent, and nothing of the system's or the user's configuration.
 * Without a home neither the user's `.netrc` nor one of the repository's is found.
 */
export const hardenedEnvironment = (host: HostEnvironment): Record<string, string> => ({
  PATH: '/usr/local/bin:/usr/bin:/bin',
  ...Object.fromEntries(PASSED_ON.flatMap((name) => (host[name] === undefined ? [] : [[name, host[name]]]))),
  HOME: '/nonexistent',
  LC_ALL: 'C',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_ATTR_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_LFS_SKIP_SMUDGE: '1',
});

/** Settings that hold for every git command of the station. */
const hardeningOptions: readonly string[] = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.attributesFile=/dev/null',
  'core.excludesFile=/dev/null',
  'core.askPass=',
  'credential.helper=',
  'protocol.allow=never',
  'http.followRedirects=false',
  'http.proxy=',
  'transfer.fsckObjects=true',
  // Old but harmless: real repositories hold these, and forges take them.
  ...['zeroPaddedFilemode', 'missingSpaceBeforeDate', 'badTimezone'].map((id) => `fetch.fsck.${id}=ignore`),
  'safe.bareRepository=explicit',
  'submodule.recurse=false',
  'maintenance.auto=false',
  'gc.auto=0',
  // The folder is temporary: a crash throws it away, so nothing has to reach the disk.
  'core.fsync=none',
  // Bytes leave and enter the work tree as they are.
  'core.autocrlf=false',
  'core.eol=lf',
  'core.safecrlf=false',
  'core.symlinks=true',
  'core.fileMode=true',
  // Names that only other systems can't take are fine here; git's own names are refused whatever these say.
  'core.protectNTFS=false',
  'core.protectHFS=false',
  // Larger blobs are streamed instead of held in memory.
  'core.bigFileThreshold=32m',
];

/** The arguments of one hardened git command; `config` holds `name=value` settings above the hardening. */
export const gitArguments = (config: readonly string[], command: readonly string[]): readonly string[] => [
  '--no-pager',
  ...[...hardeningOptions, ...config].flatMap((setting) => ['-c', setting]),
  ...command,
];
