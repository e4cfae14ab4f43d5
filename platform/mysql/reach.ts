import { parseMysqlUrl } from './connection-url.ts';
import { createMysqlPool } from './pool.ts';

const STATEMENT_TIMEOUT_MS = 5_000;

/** Logs in and changes nothing. Throws `StoreUnavailableError` or `SettingsError`. */
export const reachMysql = async (url: string): Promise<void> => {
  const pool = createMysqlPool({ address: parseMysqlUrl(url), connections: 1, statementTimeoutMs: STATEMENT_TIMEOUT_MS });
  try {
    pool.giveBack(await pool.take());
  } finally {
    await pool.close();
  }
};
