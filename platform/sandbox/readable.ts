import { resolve } from 'node:path';
import { IsolationUnavailableError } from '../../tasks/ports/runner.ts';

/** Places that a sandbox fills itself, or that hold the host's secrets, sockets and processes. */
const RESERVED = ['/app', '/dev', '/etc', '/opt/codebay', '/proc', '/root', '/run', '/sys', '/tmp', '/usr', '/var/run', '/var/tmp'];

/** Throws `IsolationUnavailableError` where a folder that runs shall read would undo what a sandbox hides. */
export const refuseReserved = (readable: readonly string[]): void => {
  for (const path of readable) {
    const plain = path.startsWith('/') && resolve(path) === path && path !== '/';
    const reserved = RESERVED.some((place) => path === place || (place !== '/root' && path.startsWith(`${place}/`)));
    if (!plain || reserved) {
      throw new IsolationUnavailableError(
        `CODEBAY_RUN_READABLE: ${path} can't be shown to runs; name a folder of a toolchain by its whole path.`,
      );
    }
  }
};
