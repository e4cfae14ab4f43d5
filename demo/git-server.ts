import { spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface GitServer {
  /** `http://<address>:<port>`; a repository `<root>/x.git` is at `<url>/x.git`. */
  readonly url: string;
  close(): Promise<void>;
}

const HEADER_END = '\r\n\r\n';

/** A CGI program's head: `Status: 404 Not Found` and headers, up to an empty line. */
const writeHead = (head: string, response: ServerResponse): void => {
  const headers = head.split('\r\n').map((line) => line.split(/:\s*/, 2) as [string, string]);
  const status = headers.find(([name]) => name.toLowerCase() === 'status')?.[1] ?? '200';
  response.writeHead(Number.parseInt(status, 10), Object.fromEntries(headers.filter(([name]) => name.toLowerCase() !== 'status')));
};

/**
 * Serves the bare repositories below `root` by git's own smart HTTP, read-only, on a free port of `address`, loopback where absent.
 * With `protocolVersion` 0 the client's wish for a newer protocol is not passed on, as with old servers.
 */
export const startGitServer = async ({
  root,
  protocolVersion = 2,
  address = '127.0.0.1',
}: {
  readonly root: string;
  readonly protocolVersion?: 0 | 2;
  readonly address?: string;
}): Promise<GitServer> => {
  const children = new Set<ReturnType<typeof spawn>>();

  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const child = spawn('git', ['-c', 'http.receivepack=false', '-c', 'safe.directory=*', 'http-backend'], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: {
        PATH: process.env.PATH,
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: '1',
        PATH_INFO: decodeURIComponent(url.pathname),
        QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        CONTENT_LENGTH: request.headers['content-length'] ?? '',
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
        GIT_PROTOCOL: protocolVersion === 2 ? String(request.headers['git-protocol'] ?? '') : '',
      },
    });
    children.add(child);
    child.on('close', () => children.delete(child));
    child.on('error', () => response.destroy());
    response.on('close', () => child.kill('SIGKILL'));
    // A client that hangs up, or a backend that has answered early, closes the pipe; the response tells.
    request.pipe(child.stdin.on('error', () => {}));
    let head = Buffer.alloc(0);
    const onHead = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf(HEADER_END);
      if (end === -1) return;
      child.stdout.off('data', onHead);
      writeHead(head.subarray(0, end).toString(), response);
      response.write(head.subarray(end + HEADER_END.length));
      child.stdout.pipe(response);
    };
    child.stdout.on('data', onHead);
    child.stdout.on('end', () => response.end());
  };

  const server = createServer(serve);
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, address, resolve));
  return {
    url: `http://${address}:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      for (const child of children) child.kill('SIGKILL');
      await closed;
    },
  };
};
