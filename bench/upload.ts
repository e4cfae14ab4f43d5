import { Readable } from 'node:stream';
import { createClient } from '../sdk/index.ts';
import { createDataFolder, startApi } from '../test/support/api-process.ts';
import { median, type Ratio } from './rounds.ts';

const ROUNDS = 3;
const MB = 1_000_000;
const ZIP_MB = 400;
/** There is no bare peer: the figure stands beside what an upload may cost. */
const ALLOWED_MB = 100;

const zeros = (megabytes: number): Readable =>
  Readable.from(
    (function* () {
      const chunk = Buffer.alloc(MB);
      for (let n = 0; n < megabytes; n += 1) yield chunk;
    })(),
    { objectMode: false },
  );

/** How far one upload lifts the peak memory of a fresh API process, in MB. */
const growth = async (): Promise<number> => {
  const data = await createDataFolder();
  const api = await startApi(data.folder);
  try {
    const client = createClient({ url: api.url, apiKey: data.apiKey });
    const submit = (megabytes: number) =>
      client.submit({ source: { type: 'zip' }, prompt: 'Explain.', mode: 'explain' }, { code: zeros(megabytes) });
    await submit(1);
    const before = await api.memory('VmRSS');
    await submit(ZIP_MB);
    return ((await api.memory('VmHWM')) - before) / MB;
  } finally {
    await api.stop();
    await data.remove();
  }
};

/** A 400 MB zip through the real API process: growth of its memory against the 100 MB that it may cost. */
export const run = async (): Promise<readonly Ratio[]> => {
  const grown: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) grown.push(await growth());
  const ours = median(grown);
  const spread = (Math.max(...grown) - Math.min(...grown)) / ALLOWED_MB;
  return [{ name: 'upload', ratio: ours / ALLOWED_MB, ours, bare: ALLOWED_MB, unit: 'MB', rounds: ROUNDS, spread }];
};
