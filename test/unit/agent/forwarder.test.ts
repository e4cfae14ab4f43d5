import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const ROOT = join(import.meta.dirname, '../../..');
const NODE = join(ROOT, 'node_modules/.bin/node');

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'codebay-forwarder-'));
});
afterEach(() => rm(folder, { recursive: true }));

const forward = (...args: string[]): ChildProcess =>
  spawn(NODE, [join(ROOT, 'agent/forwarder.ts'), ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH } });

const run = async (...args: string[]) => {
  const child = forward(...args);
  const [out, [code]] = await Promise.all([text(child.stdout ?? process.stdin), once(child, 'exit')]);
  return { out, code };
};

/** A unix socket server that treats each connection by `serve`. */
const listening = async (serve: (socket: Socket) => void) => {
  const path = join(folder, 's.sock');
  const server = createServer({ allowHalfOpen: true }, serve);
  server.listen(path);
  await once(server, 'listening');
  return { path, close: () => new Promise((resolve) => server.close(resolve)) };
};

const CLIENT = `
  const { connect } = require('node:net');
  const socket = connect({ port: Number(new URL(process.env.OPENAI_BASE_URL).port), allowHalfOpen: true });
  let size = 0;
  socket.on('data', (chunk) => { size += chunk.length; });
  socket.on('end', () => { console.log('end', size); process.exit(0); });
  socket.on('error', () => { console.log('cut'); process.exit(0); });
`;

test('what one side ends reaches the other before the answer comes', async () => {
  const server = await listening((socket) => {
    let size = 0;
    socket.on('data', (chunk: Buffer) => {
      size += chunk.length;
    });
    socket.on('end', () => socket.end('x'.repeat(size * 2)));
  });
  const { out, code } = await run('--model', server.path, '--', NODE, '-e', `${CLIENT} socket.end('y'.repeat(1000000));`);
  await server.close();
  expect({ out, code }).toEqual({ out: 'end 2000000\n', code: 0 });
});

test('the child learns of the model alone, or of the proxy alone', async () => {
  const server = await listening((socket) => socket.end());
  const model = await run('--model', server.path, '--', '/bin/sh', '-c', 'echo "$OPENAI_BASE_URL $OPENAI_API_KEY $HTTP_PROXY"');
  const proxy = await run('--proxy', server.path, '--', '/bin/sh', '-c', 'echo "$HTTPS_PROXY $https_proxy $NO_PROXY $OPENAI_API_KEY"');
  await server.close();
  expect(model.out).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v1 placeholder \n$/);
  expect(proxy.out).toMatch(/^(http:\/\/127\.0\.0\.1:\d+) \1 127\.0\.0\.1,localhost \n$/);
});

test.each([
  ['an exit code', ['/bin/sh', '-c', 'exit 7'], 7],
  ['a signal', ['/bin/sh', '-c', 'kill -KILL $$'], 137],
  ['a program that is not there', ['/nowhere/at-all'], 127],
])('the exit code tells of %s', async (_, argv, code) => {
  expect((await run('--', ...argv)).code).toBe(code);
});

test('SIGTERM reaches the child, which ends as it likes', async () => {
  const child = forward('--', '/bin/sh', '-c', 'trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done');
  await once(child.stdout ?? child, 'data');
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([9, null]);
});
