import type { StationPorts } from './station-file.ts';

/**
 * The arguments of the Temporal dev server. Without the pragmas its file database does 6 workflows a second; without the poll rates every
 * step waits up to 50 ms. Fairness between owners is off by default; the migration lets tasks go on that were queued before it was on.
 */
export const temporalArguments = (ports: StationPorts, databaseFile: string): readonly string[] => [
  ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(ports.temporal)],
  ...['--ui-ip', '127.0.0.1', '--ui-port', String(ports.temporal_ui), '--ui-disable-news-fetch'],
  ...['--db-filename', databaseFile, '--log-level', 'warn'],
  ...['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL'],
  ...['--dynamic-config-value', 'history.transferProcessorMaxPollRPS=2000'],
  ...['--dynamic-config-value', 'history.timerProcessorMaxPollRPS=2000'],
  ...['--dynamic-config-value', 'matching.enableFairness=true', '--dynamic-config-value', 'matching.enableMigration=true'],
];

/** Whether the server has printed its summary, which it does once its namespace is there. */
export const temporalIsReady = (output: string): boolean => /^Temporal Server:/m.test(output);
