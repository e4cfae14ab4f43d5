import { lookup } from 'node:dns/promises';
import { connect, isIPv6, type Socket } from 'node:net';

/** Every address that the system knows for a host. */
export const systemResolver = async (host: string): Promise<readonly string[]> =>
  (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address);

/** Connects to the first of the addresses that answers. The name takes no part: the resolver is not asked again. */
export const dialAddresses = (addresses: readonly string[], port: number): Socket =>
  connect({
    host: 'checked.invalid',
    port,
    autoSelectFamily: true,
    lookup: (_host, _options, done) =>
      done(
        null,
        addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 })),
      ),
  });
