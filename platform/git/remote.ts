import { lookup } from 'node:dns/promises';
import ipaddr from 'ipaddr.js';
import { FailureError } from '../../tasks/failure.ts';
import { checkGitUrl } from '../../tasks/git-url.ts';
import { isPublicAddress } from '../../tasks/public-address.ts';

/** A remote whose address has been checked; git and the station connect to these addresses and to no other. */
export interface Remote {
  readonly url: string;
  readonly host: string;
  readonly addresses: readonly string[];
  /** Whether safety rests on git connecting to the checked addresses: a name, and not one that the operator allowed. */
  readonly mustPin: boolean;
  /** Git settings that pin the host to the checked addresses and allow this one protocol. */
  readonly config: readonly string[];
}

/** All addresses of a name. Rejects where there is none. */
export type ResolveHost = (host: string) => Promise<readonly string[]>;

export const resolveByDns: ResolveHost = async (host) => {
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
};

/**
 * Checks a Git URL and resolves its host once. Every address must be public unless the operator allowed the host.
 * Throws SOURCE_REFUSED or SOURCE_UNREACHABLE; details never repeat the URL.
 */
export const checkRemote = async (rawUrl: string, allowedHosts: readonly string[], resolveHost: ResolveHost): Promise<Remote> => {
  const check = checkGitUrl(rawUrl, allowedHosts);
  if (!check.allowed) throw new FailureError('SOURCE_REFUSED', check.detail);
  const { url, trusted } = check;
  // curl looks its pinned names up without the final dot; with one it would resolve a second time.
  url.hostname = url.hostname.replace(/\.+$/, '');
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const literal = ipaddr.isValid(host);
  const addresses = literal ? [host] : await resolveAll(host, resolveHost);
  if (!trusted && !addresses.every(isPublicAddress)) {
    throw new FailureError('SOURCE_REFUSED', 'the host has an address that is not public');
  }
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  const targets = addresses.map((address) => (address.includes(':') ? `[${address}]` : address)).join(',');
  const pin = literal ? [] : [`http.curloptResolve=${host}:${port}:${targets}`];
  return {
    url: url.href,
    host,
    addresses,
    mustPin: !trusted && !literal,
    config: [...pin, `protocol.${url.protocol.slice(0, -1)}.allow=always`],
  };
};

const resolveAll = async (host: string, resolveHost: ResolveHost): Promise<readonly string[]> => {
  const addresses = await resolveHost(host).catch((error: unknown) => {
    throw new FailureError('SOURCE_UNREACHABLE', 'the name of the host could not be resolved', { cause: error });
  });
  if (addresses.length === 0 || !addresses.every(ipaddr.isValid)) {
    throw new FailureError('SOURCE_UNREACHABLE', 'the name of the host has no address');
  }
  return addresses;
};
