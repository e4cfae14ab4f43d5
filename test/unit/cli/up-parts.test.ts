import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { takeDataFolder } from '../../../cli/up/exclusive-data.ts';
import { choosePorts, type PortWish } from '../../../cli/up/ports.ts';
import { createSupervisedProcess } from '../../../cli/up/supervised-process.ts';

const taken = async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { port, [Symbol.asyncDispose]: async () => void server.close() };
};
const free = async (): Promise<number> => {
  await using place = await taken();
  return place.port;
};
const wish = (name: PortWish['name'], standard: number, demanded: number | null = null): PortWish => ({
  ...{ name, host: '127.0.0.1', standard, variable: `PORT_OF_${name}`, demanded },
});

describe('ports', () => {
  test("the last start's, else the standard one, else any that is free", async () => {
    await using one = await taken();
    const [last, standard] = [await free(), await free()];
    const before = { api: last, gateway: one.port, temporal: one.port, temporal_ui: one.port };
    const wishes = [wish('api', standard), wish('gateway', standard), wish('temporal', one.port)];
    const { api, gateway, temporal } = await choosePorts(wishes, before);
    expect([api, gateway]).toEqual([last, standard]);
    expect([0, one.port, last, standard]).not.toContain(temporal);
  });

  test('no two get the same', async () => {
    const same = await free();
    const { api, gateway } = await choosePorts([wish('api', same), wish('gateway', same)], null);
    expect(api).toBe(same);
    expect(gateway).not.toBe(same);
  });

  test('one that is demanded and taken is refused by its name', async () => {
    await using one = await taken();
    await expect(choosePorts([wish('api', 0, one.port)], null)).rejects.toThrow(`port ${one.port} (PORT_OF_api) is taken.`);
  });
});

test('a data folder is held by one at a time, until it is given back', () => {
  const folder = mkdtempSync(join(tmpdir(), 'codebay-hold-'));
  try {
    const first = takeDataFolder(join(folder, 'up.lock'));
    expect(first).not.toBeNull();
    expect(takeDataFolder(join(folder, 'up.lock'))).toBeNull();
    first?.release();
    const second = takeDataFolder(join(folder, 'up.lock'));
    expect(second).not.toBeNull();
    second?.release();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a process that dies before it is ready is told by its error, not by the stack below it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'codebay-supervised-'));
  try {
    const supervised = createSupervisedProcess({
      name: 'api',
      command: [process.execPath, '-e', "throw new RangeError('port 8420: address already in use')"],
      env: {},
      cwd: folder,
      logFile: join(folder, 'api.log'),
      isReady: () => false,
      onStarted: () => undefined,
      say: () => undefined,
    });
    await expect(supervised.start(20_000)).rejects.toThrow(
      'api ended before it was ready (exit code 1): RangeError: port 8420: address already in use',
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
