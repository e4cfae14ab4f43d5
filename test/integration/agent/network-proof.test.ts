import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { proveIsolation } from '../../../agent/sidecar/network-proof.ts';

const servers: Server[] = [];
const signal = AbortSignal.timeout(60_000);

/** Accepts connections; `onConnection` sees each. */
const listen = async (host: string, port = 0, onConnection: () => void = () => undefined) => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined).destroy();
    onConnection();
  });
  servers.push(server);
  server.listen(port, host);
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
};

/** A port that nobody listens on. */
const closedPort = async (): Promise<number> => {
  const { server, port } = await listen('127.0.0.1');
  server.close();
  await once(server, 'close');
  return port;
};

const urlOf = (port: number): string => `http://127.0.0.1:${port}`;

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

test('a network in which only the gateway answers is isolated', async () => {
  const gateway = await listen('127.0.0.1');
  const forbidden = [`127.0.0.1:${await closedPort()}`, `[::1]:${await closedPort()}`];
  expect(await proveIsolation({ gatewayUrl: urlOf(gateway.port), forbidden }, signal)).toEqual({ isolated: true });
});

test('what goes on connecting is named, IPv6 too, and nothing else', async () => {
  const gateway = await listen('127.0.0.1');
  const [four, six] = [await listen('127.0.0.1'), await listen('::1')];
  const open = [`127.0.0.1:${four.port}`, `[::1]:${six.port}`, `localhost:${four.port}`];
  const forbidden = [...open, `127.0.0.1:${await closedPort()}`];
  const proof = await proveIsolation({ gatewayUrl: urlOf(gateway.port), forbidden, lagMs: 300 }, signal);
  expect(proof).toEqual({ isolated: false, reachable: open });
});

test('a policy that comes a little late is waited for', async () => {
  const gateway = await listen('127.0.0.1');
  let tried = 0;
  const late = await listen('127.0.0.1', 0, () => {
    tried += 1;
    if (tried === 2) late.server.close();
  });
  const forbidden = [`127.0.0.1:${late.port}`];
  expect(await proveIsolation({ gatewayUrl: urlOf(gateway.port), forbidden }, signal)).toEqual({ isolated: true });
  expect(tried).toBe(2);
});

test('where the gateway does not answer either, nothing is proved until it does', async () => {
  const port = await closedPort();
  let looks = 0;
  const forbidden = await listen('127.0.0.1', 0, () => {
    looks += 1;
    if (looks < 2) return;
    // Out of reach from the second look on, while the gateway comes only now.
    forbidden.server.close(() => void listen('127.0.0.1', port, () => answered.resolve()));
  });
  const answered = Promise.withResolvers<void>();
  const proof = proveIsolation({ gatewayUrl: urlOf(port), forbidden: [`127.0.0.1:${forbidden.port}`] }, signal);
  await answered.promise;
  expect(await proof).toEqual({ isolated: true });
});

test('an aborted proof rejects with the reason', async () => {
  const reason = new Error('stopped');
  const abort = new AbortController();
  const gatewayUrl = urlOf(await closedPort());
  const proof = proveIsolation({ gatewayUrl, forbidden: [`127.0.0.1:${await closedPort()}`] }, abort.signal);
  abort.abort(reason);
  await expect(proof).rejects.toBe(reason);
});

test('an order that forbids nothing asks for no proof, and nobody is connected to', async () => {
  let connected = 0;
  const gateway = await listen('127.0.0.1', 0, () => {
    connected += 1;
  });
  expect(await proveIsolation({ gatewayUrl: urlOf(gateway.port), forbidden: [] }, signal)).toEqual({ isolated: true });
  expect(connected).toBe(0);
});
