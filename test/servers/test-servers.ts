import { z } from 'zod';

/** Set by `run-with.ts`; where it is absent, the stations of the tests have the embedded profile. */
export const SERVERS_VARIABLE = 'CODEBAY_TEST_SERVERS';

const testServersSchema = z.object({
  /** Without a database; its user may do anything. */
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
  const text = process.env[SERVERS_VARIABLE];
  return text === undefined ? null : testServersSchema.parse(JSON.parse(text));
};
