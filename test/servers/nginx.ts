import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { NGINX_STREAM_MODULE } from '../../scripts/setup/servers.mjs';
import { renderTemplate } from './render-template.ts';
import { findServer, freePort, ServerMissingError, startServerProcess } from './server-process.ts';

const TEMPLATES = join(import.meta.dirname, '../../deploy/nginx');

export interface Nginx {
  /** The public gateway. */
  readonly url: string;
  /** The runs' gateway; null without `gatewayPorts`. */
  readonly gatewayUrl: string | null;
  readonly pid: number;
  /** Temporary files of requests and answers go below here. */
  readonly tempDir: string;
  accessLog(): Promise<string>;
  errorLog(): Promise<string>;
  stop(): Promise<void>;
}

export interface NginxOptions {
  /** Where the replicas of the API are; loopback where absent. */
  readonly apiHost?: string;
  readonly apiPorts: readonly number[];
  /** Their runs' gateways; absent: no stream proxy. */
  readonly gatewayPorts?: readonly number[];
  /** Where users reach it; a free port where absent. */
  readonly port?: number;
  readonly maxZipMb?: number;
  readonly requestsPerSecond?: number;
  readonly connections?: number;
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

const streamBlock = (port: number, gatewayPorts: readonly number[]): string => {
  if (!existsSync(NGINX_STREAM_MODULE)) throw new ServerMissingError("nginx's stream module");
  const conf = renderTemplate(join(TEMPLATES, 'gateway-stream.conf.template'), {
    GATEWAY_LISTEN: `127.0.0.1:${port}`,
    GATEWAY_SERVERS: gatewayPorts.map((one) => `server 127.0.0.1:${one} max_fails=1 fail_timeout=3s;`).join(' '),
  });
  return `stream {\n${conf}\n}`;
};

/** The configuration of `deploy/nginx/`, in an nginx of its own with files of its own. */
export const startNginx = async (options: NginxOptions): Promise<Nginx> => {
  const program = findServer('nginx');
  const folder = await mkdtemp(join(tmpdir(), 'codebay-nginx-'));
  const port = options.port ?? (await freePort());
  const gatewayPort = options.gatewayPorts === undefined ? null : await freePort();
  const logs = { access: join(folder, 'access.log'), error: join(folder, 'error.log') };
  const tempDir = join(folder, 'temp');
  await mkdir(tempDir);
  const site = renderTemplate(join(TEMPLATES, 'codebay.conf.template'), {
    LISTEN: `127.0.0.1:${port}`,
    SERVER_NAME: '127.0.0.1 localhost',
    API_SERVERS: options.apiPorts.map((one) => `server ${options.apiHost ?? '127.0.0.1'}:${one} max_fails=3 fail_timeout=3s;`).join(' '),
    MAX_BODY_MB: String((options.maxZipMb ?? 512) + 2),
    REQUESTS_PER_SECOND: String(options.requestsPerSecond ?? 1000),
    CONNECTIONS: String(options.connections ?? 1000),
    ACCESS_LOG: logs.access,
    ERROR_LOG: logs.error,
    EXTRA_CONF: join(folder, 'extra/*.conf'),
  });
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${join(tempDir, name)};`);
  const stream = gatewayPort === null ? '' : streamBlock(gatewayPort, options.gatewayPorts ?? []);
  const conf = [
    ...(stream === '' ? [] : [`load_module ${NGINX_STREAM_MODULE};`]),
    ...(process.getuid?.() === 0 ? ['user root;'] : []),
    `daemon off; worker_processes 1; worker_rlimit_nofile 8192; pid ${join(folder, 'pid')}; error_log ${logs.error} error;`,
    `events { worker_connections 4096; }`,
    `http { ${temp.join(' ')}\n${site}\n}`,
    stream,
  ].join('\n');
  const file = join(folder, 'nginx.conf');
  await writeFile(file, conf);
  await promisify(execFile)(program, ['-t', '-q', '-p', folder, '-e', logs.error, '-c', file]);
  const running = await startServerProcess({
    command: [program, '-p', folder, '-e', logs.error, '-c', file],
    isReady: () => accepts(port),
  });
  return {
    url: `http://127.0.0.1:${port}`,
    gatewayUrl: gatewayPort === null ? null : `http://127.0.0.1:${gatewayPort}`,
    pid: running.pid,
    tempDir,
    accessLog: () => readFile(logs.access, 'utf8'),
    errorLog: () => readFile(logs.error, 'utf8'),
    stop: async () => {
      await running.end();
      await rm(folder, { recursive: true, force: true });
    },
  };
};
