import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import { processIdentitySchema } from '../../platform/sandbox/process-identity.ts';

export const PROCESS_NAMES = ['temporal', 'api', 'worker'] as const;
export type ProcessName = (typeof PROCESS_NAMES)[number];

const ports = z.object({ api: z.int(), gateway: z.int(), temporal: z.int(), temporal_ui: z.int() });
export type StationPorts = Readonly<z.output<typeof ports>>;

/** What a station leaves in its data folder for its CLI and its next start. */
const stationFileSchema = z.object({
  version: z.literal(1),
  /** Null once the station has been shut down in order. */
  up: processIdentitySchema.nullable(),
  url: z.string(),
  gateway_url: z.string(),
  temporal_address: z.string(),
  temporal_ui: z.string().nullable(),
  ports,
  processes: z.partialRecord(z.enum(PROCESS_NAMES), processIdentitySchema),
  ready: z.boolean(),
});
export type StationFile = Readonly<z.output<typeof stationFileSchema>>;

/** Null where there is none, or what stands there isn't one of ours. */
export const readStationFile = (path: string): StationFile | null => {
  if (!existsSync(path)) return null;
  try {
    return stationFileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof z.ZodError) return null;
    throw error;
  }
};

/** Whole or not at all for readers. A folder that somebody has removed is not made again. */
export const writeStationFile = (path: string, station: StationFile): void => {
  if (!existsSync(dirname(path))) return;
  writeFileSync(`${path}.new`, `${JSON.stringify(station, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
};
