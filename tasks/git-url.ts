import ipaddr from 'ipaddr.js';
import { isPublicAddress } from './public-address.ts';

export type GitUrlCheck =
  /** `trusted`: the operator listed the host, so a private address and plain http are fine. */
  | { readonly allowed: true; readonly url: URL; readonly trusted: boolean }
  /** A sentence for the user that never repeats the URL, which may hold a secret. */
  | { readonly allowed: false; readonly detail: string };

const refuse = (detail: string): GitUrlCheck => ({ allowed: false, detail });

const isPrivateName = (host: string): boolean => /(^|\.)(localhost|local|internal|home\.arpa)$/.test(host) || !host.includes('.');

/** WHATWG URLs keep the brackets of IPv6 and turn every odd spelling of IPv4 into the dotted one. */
const isPrivateHost = (host: string): boolean => {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  return ipaddr.isValid(bare) ? !isPublicAddress(bare) : isPrivateName(host);
};

/**
 * What can be said about a Git URL without the network: https (http too for a listed host), no credentials, no option, no
 * helper transport, no private host unless listed. `allowedHosts` holds `host` (any port) or `host:port`.
 * Names are resolved, and their addresses checked, only when the code is fetched.
 */
export const checkGitUrl = (url: string, allowedHosts: readonly string[]): GitUrlCheck => {
  if (url.startsWith('-')) return refuse('the URL starts with a dash and would be read as an option');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\u0000-\u0020\u007f\\]/.test(url)) return refuse('the URL holds a space, a backslash or a control character');
  if (/^[a-z0-9+.-]*::/i.test(url)) return refuse('transports of the form helper::address are not allowed');
  if (!URL.canParse(url) || !/^[a-z][a-z0-9+.-]*:\/\//i.test(url)) return refuse('it is not a URL of the form https://host/path');
  const parsed = new URL(url);
  if (parsed.protocol !== 'https:' && parsed.protocol !== 'http:') return refuse(`the scheme ${parsed.protocol} is not allowed; use https`);
  if (parsed.username !== '' || parsed.password !== '' || /^[a-z]+:\/\/[^/?#]*@/i.test(url)) return refuse('the URL holds credentials');
  if (parsed.search !== '' || parsed.hash !== '') return refuse('the URL holds a query or a fragment');
  if (parsed.pathname.replaceAll('/', '') === '') return refuse('the URL names a host but no repository');
  const host = parsed.hostname.replace(/\.$/, '');
  const port = parsed.port === '' ? (parsed.protocol === 'https:' ? '443' : '80') : parsed.port;
  const trusted = allowedHosts.includes(host) || allowedHosts.includes(`${host}:${port}`);
  if (trusted) return { allowed: true, url: parsed, trusted };
  if (parsed.protocol === 'http:') return refuse('plain http is not allowed for this host; use https');
  if (isPrivateHost(host)) return refuse('the host is private');
  return { allowed: true, url: parsed, trusted };
};
