import { DatabaseSync } from 'node:sqlite';

/**
 * Takes the data folder for this process, or returns null where another holds it. It is a lock of the kernel (SQLite's), so a holder
 * that dies in any way gives it back at once, and no process id is ever mistaken for another.
 */
export const takeDataFolder = (lockFile: string): { release(): void } | null => {
  const database = new DatabaseSync(lockFile);
  try {
    database.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (typeof error === 'object' && error !== null && 'errcode' in error && error.errcode === SQLITE_BUSY) return null;
    throw error;
  }
  return { release: () => database.close() };
};

const SQLITE_BUSY = 5;
