import { Redis } from 'ioredis';
import { testServers } from '../servers/test-servers.ts';
import { filesBelow, type Places } from './canary-search.ts';

const prefixed = (prefix: string, places: Places): Places =>
  Object.fromEntries(Object.entries(places).map(([name, text]) => [`${prefix}/${name}`, text]));

const redisPlaces = async (url: string): Promise<Places> => {
  const redis = new Redis(url);
  try {
    // A compressed dump would hide what it holds.
    await redis.config('SET', 'rdbcompression', 'no');
    const keys = await redis.keys('*');
    const values = await Promise.all(keys.map(async (key) => (await redis.dumpBuffer(key))?.toString('latin1') ?? ''));
    return Object.fromEntries(keys.map((key, index) => [key, values[index] ?? '']));
  } finally {
    redis.disconnect();
  }
};

/** Byte for byte what a station keeps: its data folder, and in the production profile also the servers' own files and all that Redis holds. */
export const rawPlaces = async (dataDir: string): Promise<Places> => {
  const servers = testServers();
  if (servers === null) return filesBelow(dataDir);
  const { mariadb, kafka, cos } = servers.folders;
  // First what lapses within seconds.
  const redis = await redisPlaces(servers.redisUrl);
  return {
    ...filesBelow(dataDir),
    ...prefixed('mariadb', filesBelow(mariadb)),
    ...prefixed('kafka', filesBelow(kafka)),
    ...prefixed('cos', filesBelow(cos)),
    ...prefixed('redis', redis),
  };
};
