import { isIP } from 'node:net';
import type { GatewayAlias } from './run-pod.ts';

/** What a run must be told to find the gateway of this URL; null where that names the address itself. */
export const gatewayAliasOf = async (url: string, resolve: (hostname: string) => Promise<string>): Promise<GatewayAlias | null> => {
  const hostname = new URL(url).hostname;
  if (isIP(hostname.replace(/^\[|\]$/g, '')) !== 0) return null;
  return { hostname, address: await resolve(hostname) };
};
