import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { StationLimits } from '../../tasks/limits.ts';
import type { CodeSource, StageInput } from '../../tasks/ports/code-source.ts';
import { createGit } from './git.ts';
import { createPinningCheck } from './git-version.ts';
import type { HostEnvironment } from './hardening.ts';
import { importZip } from './import-zip.ts';
import { type PreparedRepository, packRepository } from './pack-repository.ts';
import { prepareCommit } from './prepare-commit.ts';
import { checkRemote, type Remote, type ResolveHost, resolveByDns } from './remote.ts';
import { isCommitId, resolveCommit } from './resolve-commit.ts';

export interface CodeSourceOptions {
  readonly limits: StationLimits;
  /** `host` or `host:port`: git hosts that may be private or plain http. */
  readonly allowedHosts: readonly string[];
  /** Made where absent; holds one folder a call while it lasts. */
  readonly tmpDir: string;
  readonly resolveHost?: ResolveHost;
  /** PATH and the certificate authorities (GIT_SSL_CAINFO, SSL_CERT_FILE, SSL_CERT_DIR) are taken from it, nothing else. */
  readonly environment?: HostEnvironment;
  /** How long a host may take to list its refs. */
  readonly listTimeoutMs?: number;
  /** How long any one git command may take; 20 minutes is 2 GB at 14 Mbit/s. */
  readonly commandTimeoutMs?: number;
}

/**
 * Gets code by git over HTTPS, or from an uploaded zip, and packs it. Nothing of it is executed on the way, and nothing stays in
 * `tmpDir`, whatever happens short of the death of the process.
 */
export const createCodeSource = (options: CodeSourceOptions): CodeSource => {
  const { limits, allowedHosts, tmpDir, resolveHost = resolveByDns, environment = {} } = options;
  const { listTimeoutMs = 60_000, commandTimeoutMs = 1_200_000 } = options;
  const git = createGit(environment);
  const checkPinning = createPinningCheck(git);

  const reach = async (url: string, signal: AbortSignal): Promise<Remote> => {
    const remote = await checkRemote(url, allowedHosts, resolveHost);
    if (remote.mustPin) await checkPinning(signal);
    return remote;
  };

  const inFolder = async <T>(use: (folder: string) => Promise<T>): Promise<T> => {
    await mkdir(tmpDir, { recursive: true });
    const folder = await mkdtemp(join(tmpDir, 'code-'));
    try {
      return await use(folder);
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    }
  };

  const prepare = async (folder: string, input: StageInput): Promise<PreparedRepository> => {
    const { source, commit, zip, signal, onProgress } = input;
    const common = { git, folder, subfolder: source.subfolder, limits, signal, onProgress, timeoutMs: commandTimeoutMs };
    if (source.type === 'zip') {
      if (zip === null) throw new TypeError('a zip source is staged from its zip');
      return importZip({ ...common, zip });
    }
    if (commit === null || !isCommitId(commit)) throw new TypeError('a git source is staged from its pinned commit');
    return prepareCommit({ ...common, commit, remote: await reach(source.url, signal) });
  };

  return {
    resolve: async (source, signal) => {
      const remote = await reach(source.url, signal);
      return inFolder((cwd) => resolveCommit({ git, cwd, remote, ref: source.ref, signal, timeoutMs: listTimeoutMs }));
    },
    stage: (input, sink) =>
      inFolder(async (folder) => {
        try {
          const prepared = await prepare(folder, input);
          const archive = await packRepository(prepared, { ...input, git, environment, timeoutMs: commandTimeoutMs });
          try {
            return { object: await sink(archive), files: prepared.sizes.length };
          } finally {
            archive.destroy();
          }
        } finally {
          input.zip?.destroy();
        }
      }),
  };
};
