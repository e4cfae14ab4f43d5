import { invalid } from '../gateway-error.ts';

export interface Destination {
  /** Lower case, IPv6 without brackets, no trailing dot. */
  readonly host: string;
  readonly port: number;
}

const HOST = /^(?:[a-z0-9_](?:[a-z0-9_.-]{0,252}[a-z0-9_])?|\[[0-9a-f:.]{2,45}\])$/;

const normalise = (host: string, port: number): Destination => {
  const lower = host.toLowerCase().replace(/\.$/, '');
  if (!HOST.test(lower) || port < 1 || port > 65_535) throw invalid('the destination is not a host and a port');
  return { host: lower.replace(/^\[|\]$/g, ''), port };
};

/** The `host:port` of a CONNECT request; throws 400. */
export const parseAuthority = (authority: string): Destination => {
  const match = /^(.{1,260}):(\d{1,5})$/.exec(authority);
  if (match?.[1] === undefined) throw invalid('CONNECT needs host:port');
  return normalise(match[1], Number(match[2]));
};

/** The URL of an absolute-form request: plain http without credentials; throws 400. */
export const parseTarget = (target: string): Destination & { readonly path: string; readonly authority: string } => {
  const url = URL.canParse(target) ? new URL(target) : null;
  if (url === null || url.protocol !== 'http:' || url.username !== '' || url.password !== '') {
    throw invalid('only http:// URLs without credentials are proxied; use CONNECT for https');
  }
  const port = url.port === '' ? 80 : Number(url.port);
  return { ...normalise(url.hostname, port), path: `${url.pathname}${url.search}`, authority: url.host };
};
