import { createServer } from 'node:net';
import type Docker from 'dockerode';
import { asked, askedUnless } from './engine.ts';

/** One for all stations of an engine; containers on it don't see each other. It stays when the last run has gone. */
export const NETWORK = 'codebay-runs';

/** By a try: the list of interfaces leaves out a bridge on which no container is. */
const isOurs = (address: string): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: address, port: 0, exclusive: true }, () => server.close(() => resolve(true)));
  });

const gatewayOf = async (engine: Docker): Promise<string | null> => {
  const network: Docker.NetworkInspectInfo | null = await askedUnless([404], engine.getNetwork(NETWORK).inspect());
  return network === null ? null : (network.IPAM?.Config?.[0]?.Gateway ?? '');
};

const make = (engine: Docker, internal: boolean): Promise<unknown> =>
  askedUnless(
    [409],
    engine.createNetwork({
      Name: NETWORK,
      CheckDuplicate: true,
      Driver: 'bridge',
      Internal: internal,
      Options: { 'com.docker.network.bridge.enable_icc': 'false' },
    }),
  );

/**
 * Makes the network of the runs' sidecars where it is missing. Answers with this machine's own address on it, and then nothing but this
 * machine can be reached from there; or with null where the engine runs in another machine (Docker Desktop's), whose network has to lead on to this one.
 */
export const ensureNetwork = async (engine: Docker): Promise<string | null> => {
  const known = await gatewayOf(engine);
  if (known !== null) return (await isOurs(known)) ? known : null;
  await make(engine, true);
  const gateway = await gatewayOf(engine);
  if (gateway !== null && (await isOurs(gateway))) return gateway;
  await askedUnless([404], engine.getNetwork(NETWORK).remove());
  await make(engine, false);
  await asked(engine.getNetwork(NETWORK).inspect());
  return null;
};
