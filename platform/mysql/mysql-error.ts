import { StoreUnavailableError } from '../../tasks/ports/store-unavailable-error.ts';

/** What was under way when MySQL, or the way to it, failed. */
export type MysqlStep = 'connect' | 'statement' | 'commit';

/**
 * What may be told of a driver's error. mysql2's own carries the statement with all its values, and the server's message repeats
 * values too: prompts, hashes of keys.
 */
export class MysqlError extends Error {
  override readonly name = 'MysqlError';
  /** MySQL's name of the error, or the system's (`ECONNREFUSED`). */
  readonly code: string;
  /** MySQL's number of the error; null where the connection failed. */
  readonly errno: number | null;
  readonly step: MysqlStep;
  constructor(code: string, errno: number | null, step: MysqlStep, sql?: string) {
    super(`MySQL: ${code} at ${step}${sql === undefined ? '' : `: ${sql}`}`);
    this.code = code;
    this.errno = errno;
    this.step = step;
  }
}

/** The code of a statement that was given up because of its time-out. */
export const STATEMENT_TIMED_OUT = 'STATEMENT_TIMED_OUT';

const DEADLOCK = 1213;
const LOCK_WAIT = 1205;
/** The connection is of no more use: it is being ended, or its server has become read-only (a failover). */
const ENDS_CONNECTION: ReadonlySet<number> = new Set([1053, 1077, 1079, 1080, 1290, 1792, 1836, 1927, 4031]);
/**
 * It may pass: out of connections or resources (1037, 1038, 1040, 1041, 1203, 1226), disk full (1021, 1114), a cluster's node that is
 * not ready (1047), network errors seen by the server (1158 to 1161), a killed or timed-out statement (1317, 1969, 3024), a commit
 * that the server or its group refused (1180, 3100, 3101).
 */
const PASSING: ReadonlySet<number> = new Set([
  DEADLOCK,
  LOCK_WAIT,
  ...ENDS_CONNECTION,
  ...[1021, 1037, 1038, 1040, 1041, 1047, 1114, 1158, 1159, 1160, 1161, 1180, 1203, 1226, 1317, 1969, 3024, 3100, 3101],
]);
/** Access denied, host not allowed, unknown database: asking again changes nothing. */
const REFUSED: ReadonlySet<number> = new Set([1044, 1045, 1049, 1130, 1251, 1698]);

const field = (error: object, name: string): unknown => (name in error ? Reflect.get(error, name) : undefined);

/** The error as mysql2 gave it. System errors have negative numbers, and some of mysql2's own have no code at all. */
const read = (error: unknown): { readonly code: string | null; readonly errno: number | null; readonly fatal: boolean } => {
  if (typeof error !== 'object' || error === null) return { code: null, errno: null, fatal: false };
  const [code, errno] = [field(error, 'code'), field(error, 'errno')];
  return {
    code: typeof code === 'string' ? code : null,
    errno: typeof errno === 'number' && errno > 0 ? errno : null,
    fatal: field(error, 'fatal') === true,
  };
};

/** Whether the connection that gave this error must not be used again. */
export const endsConnection = (error: unknown): boolean => {
  const { code, errno, fatal } = read(error);
  return fatal || (errno === null ? code !== null : ENDS_CONNECTION.has(errno));
};

/** The one place where mysql2's errors become ours; `sql` has placeholders, no values. What isn't of MySQL's making is returned as it is. */
export const toStoreError = (error: unknown, step: MysqlStep, sql?: string): unknown => {
  const { code, errno, fatal } = read(error);
  if (code === null && !fatal && step !== 'connect') return error;
  const cause = new MysqlError(code ?? 'CONNECTION_CLOSED', errno, step, sql);
  if (step === 'connect') return new StoreUnavailableError(connectProblem(cause), { cause });
  if (errno === null || PASSING.has(errno)) return new StoreUnavailableError(`MySQL can't do this now (${cause.code})`, { cause });
  return cause;
};

/** Whether a statement was given up because of its time-out. */
export const timedOut = (error: unknown): boolean =>
  error instanceof StoreUnavailableError && error.cause instanceof MysqlError && error.cause.code === STATEMENT_TIMED_OUT;

const connectProblem = ({ code, errno }: MysqlError): string =>
  errno !== null && REFUSED.has(errno)
    ? `MySQL refuses the user, the password or the database of CODEBAY_MYSQL_URL (${code})`
    : `MySQL can't be reached (${code})`;

/** See `StoreDialect.interruption`. */
export const interruptionOf = (error: unknown): 'undone' | 'unknown' | null => {
  if (!(error instanceof StoreUnavailableError) || !(error.cause instanceof MysqlError)) return null;
  const { step, errno } = error.cause;
  if (step === 'connect') return errno !== null && REFUSED.has(errno) ? null : 'undone';
  return step === 'statement' || errno === DEADLOCK ? 'undone' : 'unknown';
};
