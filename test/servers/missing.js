import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { which } from '../../scripts/setup/command.mjs';
import { kafkaLibs, NGINX_STREAM_MODULE, serverPath } from '../../scripts/setup/servers.mjs';

const TESTS = join(import.meta.dirname, '..');
const has = (program) => which(program, { PATH: serverPath() }) !== null;

/** Each server: whether it can be started here, and what a test file that starts it imports. */
const SERVERS = {
  MariaDB: { isHere: () => has('mariadbd'), imports: /servers\/(mariadb|production|stack)\.ts/ },
  Redis: { isHere: () => has('redis-server'), imports: /(servers\/(redis|production|stack)|support\/redis-connection)\.ts/ },
  Kafka: {
    isHere: () => has('java') && existsSync(kafkaLibs()),
    imports: /(servers\/(kafka|production|stack)|support\/(ingest|ingest-process|kafka-topic))\.ts/,
  },
  'Docker engine': {
    isHere: () =>
      (has('dockerd') && process.getuid?.() === 0) || existsSync('/var/run/docker.sock') || process.env.DOCKER_HOST !== undefined,
    imports: /support\/held-engine\.ts/,
  },
  nginx: { isHere: () => has('nginx') && existsSync(NGINX_STREAM_MODULE), imports: /servers\/(nginx|production|stack)\.ts/ },
};

/**
 * The test files that can't run on this machine, each with the servers that it lacks. None with CI=true: there a missing server fails the
 * tests that need it.
 */
export const testsWithoutServers = () => {
  const lacking = Object.entries(SERVERS).filter(([, { isHere }]) => !isHere());
  if (process.env.CI === 'true' || lacking.length === 0) return new Map();
  const files = readdirSync(TESTS, { recursive: true }).filter((file) => file.endsWith('.test.ts'));
  const needs = (file) => {
    const text = readFileSync(join(TESTS, file), 'utf8');
    return lacking.filter(([, { imports }]) => imports.test(text)).map(([name]) => name);
  };
  return new Map(files.map((file) => [file, needs(file)]).filter(([, names]) => names.length > 0));
};
