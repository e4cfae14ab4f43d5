import { isIP } from 'node:net';
import { isPublicAddress } from '../../../tasks/public-address.ts';
import type { Destination } from './destination.ts';

const WEB_PORTS: readonly number[] = [80, 443];

export type Ruling =
  /** Connect to one of these and to nothing else: the name is not asked for again. */
  | { readonly allowed: true; readonly addresses: readonly string[]; readonly reason: string }
  | { readonly allowed: false; readonly reason: string };

const refused = (reason: string): Ruling => ({ allowed: false, reason });

/** `*.example.com` matches every name below it, not itself. */
const matches = (host: string, pattern: string): boolean =>
  pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1 : host === pattern;

/**
 * Where set-up may connect to: public addresses on web ports; with an allow-list only its hosts, on any port; and the pairs of
 * host and port that an operator excepted, whatever their address.
 */
export const createEgressRules = (deps: {
  readonly hosts: readonly string[];
  readonly privateHosts: readonly string[];
  readonly resolveHost: (host: string) => Promise<readonly string[]>;
}) => {
  const hosts = deps.hosts.map((host) => host.toLowerCase());
  const privateHosts = new Set(deps.privateHosts.map((host) => host.toLowerCase()));

  const addressesOf = async (host: string): Promise<readonly string[]> => {
    if (isIP(host) !== 0) return [host];
    try {
      return await deps.resolveHost(host);
    } catch {
      // Whatever the resolver says, the host can't be connected to; the ruling tells so.
      return [];
    }
  };

  return async ({ host, port }: Destination): Promise<Ruling> => {
    const excepted = privateHosts.has(`${host.includes(':') ? `[${host}]` : host}:${port}`);
    const listed = hosts.some((pattern) => matches(host, pattern));
    if (!excepted && hosts.length > 0 && !listed) return refused('the host is not on the allow-list');
    if (!excepted && !listed && !WEB_PORTS.includes(port)) return refused('only ports 80 and 443 are open');
    const addresses = await addressesOf(host);
    if (addresses.length === 0) return refused('the host was not found');
    if (excepted) return { allowed: true, addresses, reason: 'excepted by the operator' };
    const reachable = addresses.filter(isPublicAddress);
    if (reachable.length === 0) return refused('the host has no public address');
    return { allowed: true, addresses: reachable, reason: listed ? 'on the allow-list' : 'public' };
  };
};
