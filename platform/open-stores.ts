import type { Stores } from '../tasks/ports/stores.ts';
import { dataPaths, type Settings, SettingsError } from './settings.ts';
import type { ChangeNotifications } from './store/change-feed.ts';
import type { Migrated } from './store/migrate.ts';

const mysqlUrl = ({ CODEBAY_MYSQL_URL }: Settings): string => {
  if (CODEBAY_MYSQL_URL === undefined) throw new SettingsError('CODEBAY_MYSQL_URL: is needed where CODEBAY_STORE is mysql');
  return CODEBAY_MYSQL_URL;
};

// The databases' code is slow to load, and only one is needed.
const sqlite = () => import('./sqlite.ts');
const mysql = () => import('./mysql.ts');

/** Opens the store that CODEBAY_STORE names, migrating it where needed. A setting that lacks throws `SettingsError`. */
export const openStores = async (
  settings: Settings,
  options: { readonly resultsDue?: boolean; readonly notifications?: ChangeNotifications | undefined } = {},
): Promise<Stores> => {
  if (settings.CODEBAY_STORE === 'sqlite') return (await sqlite()).openSqliteStore(dataPaths(settings.CODEBAY_DATA).store, options);
  return (await mysql()).openMysqlStore(mysqlUrl(settings), { connections: settings.CODEBAY_MYSQL_CONNECTIONS, ...options });
};

/** Brings the tables of the store that CODEBAY_STORE names up to date. */
export const migrateStore = async (settings: Settings): Promise<Migrated> => {
  if (settings.CODEBAY_STORE === 'sqlite') return (await sqlite()).migrateSqliteStore(dataPaths(settings.CODEBAY_DATA).store);
  return (await mysql()).migrateMysqlStore(mysqlUrl(settings));
};
