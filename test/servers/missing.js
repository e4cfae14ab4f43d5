import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { which } from '../../scripts/setup/command.mjs';
import { kafkaLibs, NGINX_STREAM_MODULE, serverPath } from '../../scripts/setup/servers.mjs';
import { ClusterMissingError, clusterPrograms } from '../cluster/missing.ts';

const TESTS = join(import.meta.dirname, '..');
/** Said where none of a test file's servers' own words say more. */
const BY_SETUP = '`node scripts/setup.mjs --servers` as root, or your package manager';

/** Null where a cluster can be had. */
const whyNoCluster = () => {
  if (process.env.KUBECONFIG) return null;
  try {
    clusterPrograms();
    return null;
  } catch (error) {
    if (!(error instanceof ClusterMissingError)) throw error;
    return error.message;
  }
};

const has = (program) => which(program, { PATH: serverPath() }) !== null;

/** Each server: whether it can be started here, what a test file that starts it imports, and how to get it. */
const SERVERS = {
  MariaDB: { isHere: () => has('mariadbd'), imports: /(servers\/(mariadb|production|stack)|\/in-system)\.ts/ },
  Redis: { isHere: () => has('redis-server'), imports: /(servers\/(redis|production|stack)|support\/redis-connection|\/in-system)\.ts/ },
  Kafka: {
    isHere: () => has('java') && existsSync(kafkaLibs()),
    imports: /(servers\/(kafka|production|stack)|support\/(ingest|ingest-process|kafka-topic)|\/in-system)\.ts/,
  },
  'Kubernetes cluster': {
    isHere: () => whyNoCluster() === null,
    imports: /\/(test-cluster|cluster|run-cluster|in-system)\.ts'/,
    remedy: () => whyNoCluster() ?? '',
  },
  'Docker engine': {
    isHere: () =>
      (has('dockerd') && process.getuid?.() === 0) || existsSync('/var/run/docker.sock') || process.env.DOCKER_HOST !== undefined,
    imports: /(support\/(held-engine|docker-engine|docker-runs)|\/in-system)\.ts/,
    remedy: () => '`node scripts/setup.mjs --images` as root, or start a Docker engine',
  },
  nginx: { isHere: () => has('nginx') && existsSync(NGINX_STREAM_MODULE), imports: /(servers\/(nginx|production|stack)|\/in-system)\.ts/ },
};

/** How to get these servers, a line each way. */
export const remedies = (names) => [...new Set(names.map((name) => SERVERS[name].remedy?.() ?? BY_SETUP))];

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
