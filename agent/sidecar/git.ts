import type { Readable } from 'node:stream';
import { FailureError } from '../../tasks/failure.ts';
import type { Compartment, CompartmentPaths } from '../../tasks/ports/compartment.ts';

/** By the environment, because these settings have to win over every file. */
const CONFIG: Readonly<Record<string, string>> = {
  'core.hooksPath': '/dev/null',
  'core.fsmonitor': 'false',
  'core.untrackedCache': 'false',
  'core.attributesFile': '/dev/null',
  'core.excludesFile': '/dev/null',
  'core.autocrlf': 'false',
  'core.safecrlf': 'false',
  'core.symlinks': 'true',
  'core.fileMode': 'true',
  'core.ignoreCase': 'false',
  'core.quotePath': 'false',
  'core.trustctime': 'true',
  'advice.addEmbeddedRepo': 'false',
  'gc.auto': '0',
  'protocol.allow': 'never',
  'safe.directory': '*',
};

const hardened = (paths: CompartmentPaths): Record<string, string> => {
  const settings = Object.entries(CONFIG);
  return {
    HOME: paths.side,
    XDG_CONFIG_HOME: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_COUNT: String(settings.length),
    ...Object.fromEntries(
      settings.flatMap(([key, value], at) => [
        [`GIT_CONFIG_KEY_${at}`, key],
        [`GIT_CONFIG_VALUE_${at}`, value],
      ]),
    ),
  };
};

export interface GitCommand {
  /** Run by `sh -eu`, with the arguments as $1, $2 …. */
  readonly script: string;
  readonly args?: readonly string[];
  /** Absolute, inside; the code's root where absent. */
  readonly workTree?: string;
  /** A file in the private folder. */
  readonly index?: string;
  readonly stdin?: Readable;
  /** Standard output; collected and returned where absent. */
  readonly onStdout?: (chunk: Buffer) => void | Promise<void>;
  readonly signal: AbortSignal;
}

export type Git = (command: GitCommand) => Promise<Buffer>;

/** A `git` command over a big tree may take long on a busy machine, but not for ever. */
const TIMEOUT_MS = 10 * 60_000;

/**
 * Runs git over the untrusted tree: inside the compartment, without any socket, with a repository that the run's programs never see and
 * without any configuration, hook or attribute of theirs. Throws `FailureError` where the script fails.
 */
export const createGit = (compartment: Compartment): Git => {
  const { paths } = compartment;
  return async ({ script, args = [], workTree = paths.code, index = 'index', stdin, onStdout, signal }) => {
    const out: Buffer[] = [];
    let errors = '';
    const exit = await compartment.run({
      argv: ['/bin/sh', '-euc', script, 'git', ...args],
      env: {
        ...hardened(paths),
        SIDE: paths.side,
        GIT_DIR: `${paths.side}/git`,
        GIT_WORK_TREE: workTree,
        GIT_INDEX_FILE: `${paths.side}/${index}`,
      },
      cwd: workTree,
      side: true,
      ...(stdin === undefined ? {} : { stdin }),
      onStdout: onStdout ?? ((chunk) => void out.push(chunk)),
      onStderr: (chunk) => {
        errors = (errors + chunk.toString()).slice(-2000);
      },
      timeoutMs: TIMEOUT_MS,
      signal,
    });
    signal.throwIfAborted();
    if (exit.cause === 'disk_full') throw new FailureError('DISK_FULL', 'the disk was full while the changes were taken');
    if (exit.cause !== 'finished' || exit.exitCode !== 0) {
      throw new FailureError('INTERNAL', `git ended with ${exit.exitCode} (${exit.cause}) in the workspace: ${errors.trim()}`);
    }
    return Buffer.concat(out);
  };
};
