import { closeSync, readdirSync, readFileSync } from 'node:fs';
import { isErrno } from './atomic-file.ts';

const CLOSE_ON_EXEC = 0o2000000;

/**
 * Closes what this process inherited beyond its three standard streams. Whatever Node opens is closed on exec; what a station was started
 * with is not, and would otherwise stay open down to the programs of a run.
 */
export const closeInherited = (): void => {
  for (const fd of readdirSync('/proc/self/fd').map(Number)) {
    if (fd <= 2) continue;
    try {
      const flags = /^flags:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
      if (flags !== undefined && (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0) closeSync(fd);
    } catch (error) {
      // The listing itself took a descriptor that is closed by now.
      if (!isErrno(error, 'ENOENT', 'EBADF')) throw error;
    }
  }
};
