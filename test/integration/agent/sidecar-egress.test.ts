import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createEgressRelay } from '../../../agent/sidecar/egress-relay.ts';
import { createGatewayTransport } from '../../../agent/sidecar/gateway-transport.ts';
import { serveUnix } from '../../../agent/sidecar/unix-server.ts';
import { describeRun, startFakeGateway } from '../../support/fake-gateway.ts';
import { openTemporaryFolder } from '../../support/run-fixture.ts';

const IDENTITY = 'cbr_canary-identity-0123456789';

let close: () => Promise<void> = async () => undefined;
let gateway: Awaited<ReturnType<typeof startFakeGateway>>;
let socketPath = '';

beforeEach(async () => {
  const folder = await openTemporaryFolder();
  gateway = await startFakeGateway({ identity: IDENTITY, description: describeRun(), code: Buffer.alloc(0) });
  const transport = createGatewayTransport({ url: gateway.url, identity: IDENTITY });
  socketPath = join(folder.path, 'proxy.sock');
  const relay = await serveUnix(createEgressRelay(transport), socketPath);
  close = async () => {
    await relay.close();
    transport.close();
    await gateway.stop();
    await folder.remove();
  };
});
afterEach(() => close());

const open = async (): Promise<Socket> => {
  const socket = connect(socketPath);
  await once(socket, 'connect');
  return socket;
};

const get = async (path: string, headers: Record<string, string> = {}): Promise<{ status: number | undefined; body: string }> => {
  const outgoing = request({ socketPath, path, headers }).end();
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { status: answer.statusCode, body: await text(answer) };
};

test('a tunnel carries bytes both ways, under the identity of the run', async () => {
  const socket = await open();
  socket.write('CONNECT example.test:443 HTTP/1.1\r\nHost: example.test:443\r\nProxy-Authorization: Bearer mine\r\n\r\nearly');
  const chunks: string[] = [];
  for await (const chunk of socket) {
    chunks.push(String(chunk));
    if (chunks.join('').endsWith('early')) socket.end(' late');
  }
  expect(chunks.join('')).toBe('HTTP/1.1 200 Connection Established\r\n\r\nearly late');
  expect(gateway.proxied).toEqual(['CONNECT example.test:443 true']);
});

test('a refusal of the gateway reaches the client', async () => {
  const socket = await open();
  socket.write('CONNECT closed.test:443 HTTP/1.1\r\nHost: closed.test:443\r\n\r\n');
  expect(await text(socket)).toMatch(/^HTTP\/1.1 403 Forbidden\r\n/);
});

test("requests go on without the client's own credentials and hop-by-hop headers", async () => {
  const headers = { 'proxy-authorization': 'Basic abc', connection: 'x-hop', 'x-hop': '1', 'x-kept': '2' };
  expect(await get('http://registry.test/a', headers)).toEqual({ status: 200, body: 'through the proxy\n' });
  expect(gateway.proxied[0]).toContain('"x-kept":"2"');
  expect(gateway.proxied[0]).toContain(`"proxy-authorization":"Bearer ${IDENTITY}"`);
  expect(gateway.proxied[0]).not.toMatch(/Basic|x-hop/);
});

test.each(['/run', 'ftp://registry.test/', '*'])('%s is no way to the gateway itself', async (path) => {
  expect((await get(path)).status).toBe(400);
  expect(gateway.proxied).toEqual([]);
});

test('nothing that a client sends ends the relay', async () => {
  for (const head of [
    'CONNECT a\xe9\x01b HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET http://x/\xff HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n',
    'CONNECT  HTTP/1.1\r\n\r\n',
    'garbage\r\n\r\n',
  ]) {
    const socket = await open();
    socket.end(Buffer.from(head, 'latin1'));
    await text(socket).catch(() => undefined);
  }
  expect((await get('http://registry.test/a')).status).toBe(200);
});

test('while the gateway is away the client hears 502', async () => {
  await gateway.stop();
  expect((await get('http://registry.test/a')).status).toBe(502);
  const socket = await open();
  socket.write('CONNECT example.test:443 HTTP/1.1\r\nHost: example.test:443\r\n\r\n');
  expect(await text(socket)).toMatch(/^HTTP\/1.1 502 /);
});
