import { createReadStream, readFileSync } from 'node:fs';
import { createCodeSource } from '../../platform/git/code-source.ts';
import { DEFAULT_STATION_LIMITS } from '../../tasks/limits.ts';
import { sinkTo } from '../../test/support/staged-code.ts';

/** `stage-once.ts <folder> <commit> <url>` or `… <folder> zip <file>`: stages once in a process of its own and prints a `Staging` as JSON. */
export interface Staging {
  readonly timeMs: number;
  /** How far the process's peak memory rose above what it had before. */
  readonly grownMb: number;
}

const memoryMb = (field: 'VmRSS' | 'VmHWM'): number => {
  const [, kilobytes = ''] = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return (Number(kilobytes) * 1024) / 1e6;
};

const [folder = '', commit = '', place = ''] = process.argv.slice(2);
const source = createCodeSource({
  limits: DEFAULT_STATION_LIMITS,
  allowedHosts: ['127.0.0.1'],
  tmpDir: `${folder}/tmp`,
  environment: process.env,
});
const common = { signal: new AbortController().signal, onProgress: () => {} };
const input =
  commit === 'zip'
    ? { ...common, source: { type: 'zip' as const }, commit: null, zip: createReadStream(place) }
    : { ...common, source: { type: 'git' as const, url: place }, commit, zip: null };
const beforeMb = memoryMb('VmRSS');
const startedAt = performance.now();
await source.stage(input, sinkTo(`${folder}/staged.tar.zst`));
const staging: Staging = { timeMs: performance.now() - startedAt, grownMb: memoryMb('VmHWM') - beforeMb };
process.stdout.write(JSON.stringify(staging));
