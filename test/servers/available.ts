import { existsSync } from 'node:fs';
import { kafkaLibs, NGINX_STREAM_MODULE } from '../../scripts/setup/servers.mjs';
import { findServer, ServerMissingError } from './server-process.ts';

const needFile = (path: string, what: string): void => {
  if (!existsSync(path)) throw new ServerMissingError(what);
};

/** Each throws `ServerMissingError` where the server can't be started here. */
const CHECKS = {
  mariadb: () => void findServer('mariadbd'),
  redis: () => void findServer('redis-server'),
  nginx: () => {
    findServer('nginx');
    needFile(NGINX_STREAM_MODULE, "nginx's stream module");
  },
  kafka: () => {
    findServer('java');
    needFile(kafkaLibs(), 'Kafka');
  },
} as const;

export type TestServer = keyof typeof CHECKS;

const reasonAgainst = (server: TestServer): string | null => {
  try {
    CHECKS[server]();
    return null;
  } catch (error) {
    if (error instanceof ServerMissingError) return error.message;
    throw error;
  }
};

/**
 * `describe` for tests that start these servers. Where one can't be had they are skipped, and the end of the run says so and how to get it
 * (`test/support/skipped.js`); with CI=true they fail instead.
 */
export const describeWith = (servers: readonly TestServer[], name: string, tests: () => void): void => {
  const reason = servers.map(reasonAgainst).find((one) => one !== null) ?? null;
  if (reason === null) describe(name, tests);
  else if (process.env.CI === 'true') test(name, () => Promise.reject(new Error(reason)));
  else describe.skip(`${name} [skipped: ${reason}]`, tests);
};
