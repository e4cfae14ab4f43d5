import { connect } from 'node:net';
import { createDataFolder, oneListenerSchema, startApiProcess } from '../../support/api-process.ts';
import { until } from '../../support/until.ts';

let data: Awaited<ReturnType<typeof createDataFolder>>;
beforeEach(async () => {
  data = await createDataFolder();
});
afterEach(() => data.remove());

const start = (listeners: string, env: Readonly<Record<string, string>> = {}) =>
  startApiProcess(data.folder, { CODEBAY_LISTENERS: listeners, ...env }, oneListenerSchema);

const statusOf = async (port: number | null, path: string): Promise<number> => {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  await response.body?.cancel();
  return response.status;
};

const takesConnections = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

const freePort = async (): Promise<number> => {
  const probe = await start('api');
  await probe.stop();
  return Number(probe.port);
};

test('an API alone opens no gateway', async () => {
  const closed = await freePort();
  const api = await start('api', { CODEBAY_GATEWAY_PORT: String(closed) });
  try {
    expect(api).toMatchObject({ url: `http://127.0.0.1:${api.port}`, gateway_port: null });
    expect(await statusOf(api.port, '/readyz')).toBe(200);
    expect(await statusOf(api.port, '/run')).toBe(404);
    expect(await takesConnections(closed)).toBe(false);
  } finally {
    await api.stop();
  }
});

test('a gateway alone opens no API, says that it is ready, and that it is about to end', async () => {
  const closed = await freePort();
  const gateway = await start('gateway', { CODEBAY_PORT: String(closed), CODEBAY_DRAIN_NOTICE_SECONDS: '5' });
  try {
    expect(gateway).toMatchObject({ url: null, port: null });
    expect(await takesConnections(closed)).toBe(false);
    expect(await statusOf(gateway.gateway_port, '/livez')).toBe(200);
    expect(await statusOf(gateway.gateway_port, '/readyz')).toBe(200);
    expect(await statusOf(gateway.gateway_port, '/v1/tasks')).toBe(404);
    expect(await statusOf(gateway.gateway_port, '/run')).toBe(401);
    gateway.signal('SIGTERM');
    await until('it is not ready', async () => (await statusOf(gateway.gateway_port, '/readyz')) === 503);
    expect(await statusOf(gateway.gateway_port, '/livez')).toBe(200);
    expect(await gateway.exited).toBe(0);
  } finally {
    await gateway.stop();
  }
});
