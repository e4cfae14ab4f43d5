/** The engine's own name for the machine it serves. */
export const GATEWAY_ALIAS = 'host.docker.internal';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * The gateway's URL as a container has to say it, since the machine's loopback isn't its own. `hostAddress`: the machine's on the containers'
 * network; null where the engine has to lead there.
 */
export const gatewayUrlInside = (url: string, hostAddress: string | null): string => {
  const inside = new URL(url);
  if (LOOPBACK.test(inside.hostname)) inside.hostname = hostAddress ?? GATEWAY_ALIAS;
  return inside.href;
};
