import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import COS from 'cos-nodejs-sdk-v5';
import { createCosStore } from '../../platform/cos.ts';
import { cosOptions } from '../../test/support/cos.ts';

/** What one transfer took and how far it lifted the peak of its process's memory. */
export interface Transfer {
  readonly seconds: number;
  /** Of processor time of its process. */
  readonly cpuSeconds: number;
  readonly grownMb: number;
}

const CHUNK_BYTES = 64 * 1024;
const KEY = 'processed_code/bench/code.tar.zst';

const megabytes = (field: 'VmRSS' | 'VmHWM'): number => {
  const [, kilobytes] = new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return Number(kilobytes) / 1000;
};

/** Other bytes in each chunk's beginning, the rest the same: making them costs nothing. */
const source = (sizeBytes: number): Readable => {
  const seed = randomBytes(CHUNK_BYTES);
  return Readable.from(
    (function* () {
      for (let at = 0; at < sizeBytes; at += CHUNK_BYTES) yield Buffer.from(seed.subarray(0, Math.min(CHUNK_BYTES, sizeBytes - at)));
    })(),
    { objectMode: false },
  );
};

const nowhere = (): Writable & { readonly taken: () => number } => {
  let taken = 0;
  const writable = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      taken += chunk.length;
      done();
    },
  });
  return Object.assign(writable, { taken: () => taken });
};

const [side = '', direction = '', endpoint = '', size = ''] = process.argv.slice(2);
const sizeBytes = Number(size);
const options = cosOptions(endpoint, { timing: {} });
const place = { Bucket: options.codeBucket, Region: options.region, Key: KEY };

const ours = {
  up: async (bytes: number) => {
    await createCosStore(options).put(KEY, source(bytes));
  },
  down: async () => {
    const object = await createCosStore(options).get(KEY);
    const target = nowhere();
    if (object !== null) await pipeline(object.body, target);
    return target.taken();
  },
};

const sdk = () => {
  const cos = new COS({
    SecretId: options.secretId,
    SecretKey: options.secretKey,
    Protocol: 'http:',
    Ip: new URL(endpoint).host,
    AutoSwitchHost: false,
  });
  return {
    up: async (bytes: number) => {
      await cos.putObject({ ...place, Body: source(bytes), ContentLength: bytes });
    },
    down: async () => {
      const target = nowhere();
      await cos.getObject({ ...place, Output: target });
      return target.taken();
    },
  };
};

const client = side === 'ours' ? ours : sdk();
const before = megabytes('VmRSS');
const startedAt = performance.now();
const cpuBefore = process.cpuUsage();
const moved = direction === 'up' ? await client.up(sizeBytes).then(() => sizeBytes) : await client.down();
const seconds = (performance.now() - startedAt) / 1000;
const cpu = process.cpuUsage(cpuBefore);
const cpuSeconds = (cpu.user + cpu.system) / 1e6;
if (moved !== sizeBytes) throw new Error(`${moved} bytes came in place of ${sizeBytes}`);
process.stdout.write(JSON.stringify({ seconds, cpuSeconds, grownMb: megabytes('VmHWM') - before } satisfies Transfer));
process.exit(0);
