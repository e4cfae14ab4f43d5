import ipaddr from 'ipaddr.js';

/** Azure's platform address looks public and answers with instance metadata to machines inside. */
const METADATA = new Set(['168.63.129.16']);

/** All of the IPv6 that is routed between networks; what lies outside embeds, translates or stays local. */
const GLOBAL_UNICAST = ipaddr.parseCIDR('2000::/3');

/**
 * Whether an IP address may belong to the public internet. False for everything private, loopback, link-local, shared (CGNAT),
 * multicast, reserved, documentation, and for IPv6 that carries an IPv4 address inside (mapped, NAT64, 6to4, Teredo), because
 * where those lead is decided elsewhere. False for names and for any spelling but the canonical ones.
 */
export const isPublicAddress = (address: string): boolean => {
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) {
    return ipaddr.IPv4.parse(address).range() === 'unicast' && !METADATA.has(address);
  }
  if (!ipaddr.IPv6.isValid(address) || address.includes('%')) return false;
  const parsed = ipaddr.IPv6.parse(address);
  return parsed.range() === 'unicast' && parsed.match(GLOBAL_UNICAST);
};
