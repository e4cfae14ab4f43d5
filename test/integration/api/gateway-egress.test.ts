import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { dialAddresses } from '../../../api/gateway/egress/dial.ts';
import { listen, startGateway, type TestGateway } from '../../support/gateway.ts';

/** Where a proxy's client would find a public host, and what stands for it here. */
const PUBLIC = '93.184.216.34';

describe('the egress proxy of the gateway', () => {
  let gateway: TestGateway;
  let mirror: Awaited<ReturnType<typeof listen>>;
  let seen: IncomingMessage[];
  let answers: Record<string, (readonly string[])[]>;
  let dialled: { addresses: readonly string[]; port: number }[];

  const start = async (egressHosts: string[] = [], caps = {}) => {
    gateway = await startGateway(
      { egressHosts, egressPrivateHosts: [`mirror.test:${mirror.port}`, `dead.test:1`], caps },
      {
        resolveHost: async (host) => answers[host]?.shift() ?? [],
        dial: (addresses, port) => {
          dialled.push({ addresses, port });
          return addresses.includes(PUBLIC) ? dialAddresses(['127.0.0.1'], mirror.port) : dialAddresses(addresses, port);
        },
      },
    );
    await gateway.task('t1');
    return gateway.run('t1', 'setup');
  };

  beforeEach(async () => {
    seen = [];
    dialled = [];
    answers = {
      'mirror.test': [['127.0.0.1'], ['127.0.0.1'], ['127.0.0.1']],
      'dead.test': [['127.0.0.1']],
      'public.test': [[PUBLIC], ['127.0.0.1']],
      'inside.test': [['10.0.0.8', '::1', '::ffff:93.184.216.34', '169.254.169.254']],
      'mixed.test': [['10.0.0.8', PUBLIC]],
      'a.allowed.test': [[PUBLIC]],
    };
    mirror = await listen((message, reply) => {
      seen.push(message);
      if (message.url === '/moved') reply.writeHead(302, { location: 'http://10.0.0.1/' }).end();
      else if (message.url === '/endless') reply.write('first');
      else {
        reply.writeHead(200, message.url === '/echo' ? {} : { connection: 'x-hop', 'x-hop': '1', 'x-kept': '2' });
        message.pipe(reply);
      }
    });
  });
  afterEach(async () => {
    await gateway.close();
    await mirror.close();
  });

  const tunnel = async (
    authority: string,
    authorization: string,
  ): Promise<{ status: number; socket: Socket; body: string; retry: string | undefined }> => {
    const asked = request({ port: gateway.port, method: 'CONNECT', path: authority, headers: { 'proxy-authorization': authorization } });
    asked.end();
    const [answer, socket, head] = (await once(asked, 'connect')) as [IncomingMessage, Socket, Buffer];
    const status = answer.statusCode ?? 0;
    const rest = status === 200 ? '' : await text(socket);
    return { status, socket, body: `${head}${rest}`, retry: answer.headers['retry-after'] };
  };
  const absolute = async (url: string, authorization: string, method = 'GET', headers: Record<string, string> = {}, body = '') => {
    const asked = request({ port: gateway.port, method, path: url, headers: { ...headers, 'proxy-authorization': authorization } });
    asked.end(body);
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    return { status: answer.statusCode, headers: answer.headers, body: await text(answer) };
  };
  /** The ledger is written after the sockets have closed: a drain waits for it. */
  const ledger = async () => {
    await gateway.drain(0);
    return gateway.stores.egress.list('t1');
  };

  test('tunnels to an excepted private mirror, both ways, and records the bytes', async () => {
    const run = await start();
    const { status, socket } = await tunnel(`mirror.test:${mirror.port}`, run.authorization);
    expect(status).toBe(200);
    const question = 'POST /echo HTTP/1.1\r\nhost: mirror.test\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello';
    socket.write(question);
    const answer = await text(socket);
    expect(answer).toContain('hello');
    expect(await ledger()).toMatchObject([
      {
        host: 'mirror.test',
        port: mirror.port,
        address: '127.0.0.1',
        decision: 'allowed',
        bytes_up: question.length,
        bytes_down: answer.length,
      },
    ]);
    expect(await gateway.events('t1', 'egress')).toMatchObject([{ host: 'mirror.test', decision: 'allowed' }]);
  });

  test('forwards absolute-form requests without what is for the proxy alone', async () => {
    const run = await start();
    const base = `http://mirror.test:${mirror.port}`;
    const headers = { connection: 'x-mine', 'x-mine': '1', 'x-end': '2' };
    const answer = await absolute(`${base}/echo?q=1`, run.authorization, 'POST', headers, 'hello');
    expect(answer).toMatchObject({ status: 200, body: 'hello', headers: { 'x-kept': '2' } });
    expect(answer.headers['x-hop']).toBeUndefined();
    expect(seen[0]?.url).toBe('/echo?q=1');
    expect(seen[0]?.headers).toMatchObject({ host: `mirror.test:${mirror.port}`, 'x-end': '2' });
    expect(seen[0]?.headers['proxy-authorization']).toBeUndefined();
    expect(seen[0]?.headers['x-mine']).toBeUndefined();
    expect(await absolute(`${base}/moved`, run.authorization)).toMatchObject({ status: 302, headers: { location: 'http://10.0.0.1/' } });
    expect(seen).toHaveLength(2);
  });

  test('resolves a name once, and connects to the address that was checked', async () => {
    const run = await start();
    expect((await tunnel('public.test:443', run.authorization)).status).toBe(200);
    expect(dialled).toEqual([{ addresses: [PUBLIC], port: 443 }]);
    expect(answers['public.test']).toHaveLength(1);
    // The name has been rebound since: the next connection is refused.
    expect((await tunnel('public.test:443', run.authorization)).status).toBe(403);
    expect((await tunnel('mixed.test:443', run.authorization)).status).toBe(200);
    expect(dialled.at(-1)).toEqual({ addresses: [PUBLIC], port: 443 });
  });

  test.each([
    ['127.0.0.1:80', 'no public address'],
    ['[::1]:443', 'no public address'],
    ['[::ffff:127.0.0.1]:443', 'no public address'],
    ['169.254.169.254:80', 'no public address'],
    ['inside.test:443', 'no public address'],
    ['mirror.test:443', 'no public address'],
    ['unknown.test:443', 'not found'],
    ['public.test:22', 'ports 80 and 443'],
  ])('refuses %s and records it', async (authority, reason) => {
    const run = await start();
    const { status, body } = await tunnel(authority, run.authorization);
    expect([status, JSON.parse(body)]).toEqual([
      403,
      expect.objectContaining({ code: 'EGRESS_REFUSED', detail: expect.stringContaining(reason) }),
    ]);
    expect(dialled).toEqual([]);
    expect(await ledger()).toMatchObject([{ decision: 'refused', address: null, reason: expect.stringContaining(reason) }]);
    expect(await gateway.events('t1', 'egress')).toHaveLength(1);
  });

  test('keeps to the allow-list where there is one, on any port', async () => {
    const run = await start(['*.allowed.test']);
    expect((await tunnel('a.allowed.test:8443', run.authorization)).status).toBe(200);
    expect((await tunnel('allowed.test:443', run.authorization)).body).toContain('allow-list');
    expect((await tunnel('public.test:443', run.authorization)).body).toContain('allow-list');
    expect((await tunnel(`mirror.test:${mirror.port}`, run.authorization)).status).toBe(200);
  });

  test('refuses who is no run, and what is no proxy request', async () => {
    const run = await start();
    expect((await tunnel('public.test:443', 'Bearer nobody')).status).toBe(401);
    expect((await tunnel('public.test', run.authorization)).status).toBe(400);
    expect((await absolute('http://public.test/', '')).status).toBe(401);
    expect((await absolute('https://public.test/', run.authorization)).status).toBe(400);
    expect((await absolute('http://a:b@public.test/', run.authorization)).status).toBe(400);
    expect((await tunnel('dead.test:1', run.authorization)).status).toBe(502);
  });

  test('is closed before and after set-up, and cuts what is open at its end', async () => {
    const run = await start();
    const { socket } = await tunnel(`mirror.test:${mirror.port}`, run.authorization);
    const closed = once(socket, 'close');
    expect((await run.send('POST', '/run/phase', { phase: 'agent' })).status).toBe(204);
    await closed;
    const after = await tunnel(`mirror.test:${mirror.port}`, run.authorization);
    expect([after.status, after.body]).toEqual([403, expect.stringContaining('set-up is over')]);
    expect((await absolute(`http://mirror.test:${mirror.port}/`, run.authorization)).status).toBe(403);
    expect(seen).toHaveLength(0);
    expect((await ledger()).map(({ decision }) => decision)).toEqual(['allowed', 'refused', 'refused']);
  });

  test('cuts tunnels and downloads when another process ends set-up', async () => {
    const run = await start();
    const { socket } = await tunnel(`mirror.test:${mirror.port}`, run.authorization);
    const asked = request({
      port: gateway.port,
      path: `http://mirror.test:${mirror.port}/endless`,
      headers: { 'proxy-authorization': run.authorization },
    });
    asked.end();
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    const both = Promise.all([once(socket, 'close'), expect(text(answer)).rejects.toThrow()]);
    await gateway.stores.runs.write(run.id, { phase: 'agent' });
    await both;
  });

  test('bounds how many are open at once, and how long they idle', async () => {
    const run = await start([], { tunnelsPerRun: 1, tunnelIdleMs: 100 });
    const { socket } = await tunnel(`mirror.test:${mirror.port}`, run.authorization);
    const second = await tunnel(`mirror.test:${mirror.port}`, run.authorization);
    expect([second.status, second.retry]).toEqual([429, '1']);
    await once(socket, 'close');
    expect((await tunnel(`mirror.test:${mirror.port}`, run.authorization)).status).toBe(200);
  });
});
