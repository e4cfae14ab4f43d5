import { inSystem } from './in-system.ts';
import { foundIn, halves, look } from './look.ts';
import { startPuppet } from './puppet.ts';

const FOLDERS = ['/app/code', '/app/home', '/app/output', '/tmp', '/dev/shm'];
const PORT = 8080;

export const neighbourIsolation = (): void =>
  inSystem('a task sees nothing of another one that runs at the same time', async (system) => {
    const word = `neighbour-${crypto.randomUUID()}`;
    const traces = { word: halves(word), folders: FOLDERS };
    const neighbour = await startPuppet(system);
    const nosy = await startPuppet(system);
    const addresses = {
      'its port': { host: neighbour.pod.status?.podIP, port: PORT },
      'its abstract socket': { path: `@${word}` },
      'its socket file': { path: `/tmp/${word}.sock` },
    };
    const find = await look('traces.mjs', 'findTraces', traces);
    const connect = await look('network.mjs', 'connectTo', addresses);

    await neighbour.run(await look('traces.mjs', 'leaveTraces', { ...traces, port: PORT }));
    expect(foundIn(await neighbour.run(find))).toEqual([...FOLDERS, 'process', 'sockets', 'shared memory']);
    expect(foundIn(await neighbour.run(connect))).toEqual(Object.keys(addresses));

    expect(foundIn(await nosy.run(find))).toEqual([]);
    expect(foundIn(await nosy.run(connect))).toEqual([]);
    expect(foundIn(await neighbour.run(connect))).toEqual(Object.keys(addresses));
    for (const one of [nosy, neighbour]) expect(await one.end()).toMatchObject({ status: 'COMPLETED' });
  });
