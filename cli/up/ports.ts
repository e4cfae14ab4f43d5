import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { CliError } from '../cli-error.ts';
import type { StationPorts } from './station-file.ts';

/** Binds for a moment; 0 finds any free port. Null where the port is taken. */
const tryPort = (host: string, port: number): Promise<number | null> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen({ host, port, exclusive: true }, () => {
      const { port: bound } = server.address() as AddressInfo;
      server.close(() => resolve(bound));
    });
  });

export interface PortWish {
  readonly name: keyof StationPorts;
  readonly host: string;
  readonly standard: number;
  /** The environment variable that asks for exactly this port. */
  readonly variable: string;
  readonly demanded: number | null;
}

/**
 * A free port for each wish: the demanded one or a refusal; else the one of the last start, because runs that were left behind look for the
 * gateway there; else the standard one; else any.
 */
export const choosePorts = async (wishes: readonly PortWish[], last: StationPorts | null): Promise<StationPorts> => {
  const chosen = new Map<keyof StationPorts, number>();
  for (const { name, host, standard, variable, demanded } of wishes) {
    const candidates = demanded === null ? [last?.[name] ?? standard, standard, 0] : [demanded];
    let port: number | null = null;
    for (const candidate of candidates) {
      port ??= [...chosen.values()].includes(candidate) ? null : await tryPort(host, candidate);
    }
    if (port === null) {
      throw new CliError(`port ${demanded} (${variable}) is taken.`, `End what listens there, or unset ${variable} to get a free one.`);
    }
    chosen.set(name, port);
  }
  const portOf = (name: keyof StationPorts): number => chosen.get(name) ?? 0;
  return { api: portOf('api'), gateway: portOf('gateway'), temporal: portOf('temporal'), temporal_ui: portOf('temporal_ui') };
};
