import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** The file that `run-with.ts` wrote; where it is absent, the stations of the tests have the embedded profile. */
export const SERVERS_VARIABLE = 'CODEBAY_TEST_SERVERS';

const testServersSchema = z.object({
  /** Without a database; its user may do anything, and has a password. */
  mysqlUrl: z.string(),
  redisUrl: z.string(),
  kafkaBroker: z.string(),
  cosSettings: z.record(z.string(), z.string()),
  /** Where the servers keep their raw files. */
  folders: z.object({ mariadb: z.string(), kafka: z.string(), cos: z.string() }),
});
export type TestServers = z.output<typeof testServersSchema>;

/** The servers that this run of the tests stands on; null in the embedded profile. */
export const testServers = (): TestServers | null => {
  const file = process.env[SERVERS_VARIABLE];
  return file === undefined ? null : testServersSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
};
