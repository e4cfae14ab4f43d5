import { type Settings, SettingsError } from '../settings.ts';

/** Where a MySQL server is and who asks, as mysql2 names it. */
export interface MysqlAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** `{}`: TLS with a certificate that the machine trusts (NODE_EXTRA_CA_CERTS adds more). */
  readonly ssl?: Record<string, never>;
}

const VARIABLE = 'CODEBAY_MYSQL_URL' satisfies keyof Settings;

/**
 * Reads `mysql://user:password@host:port/database`, with `?ssl=true` for TLS. Nothing else may stand in the query: mysql2 would take
 * any option from there. Throws `SettingsError`, which names the variable and never its value.
 */
export const parseMysqlUrl = (text: string): MysqlAddress => {
  if (!URL.canParse(text)) throw new SettingsError(`${VARIABLE}: is not a URL`);
  const url = new URL(text);
  const parameters = [...url.searchParams];
  const ssl = parameters.some(([name, value]) => name === 'ssl' && value === 'true');
  if (parameters.length > (ssl ? 1 : 0)) throw new SettingsError(`${VARIABLE}: may only have the parameter ssl=true`);
  const database = decodeURIComponent(url.pathname.slice(1));
  if (database === '') throw new SettingsError(`${VARIABLE}: names no database; write mysql://user:password@host:port/database`);
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port) || 3306,
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database,
    ...(ssl ? { ssl: {} } : {}),
  };
};
