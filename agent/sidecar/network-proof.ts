import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Within a cluster a connection stands in milliseconds; that the gateway answers in the same time shows that this was long enough. */
const ATTEMPT_MS = 500;
const PAUSE_MS = 200;
/** How long policies may lag behind the pod they are for. */
const LAG_MS = 10_000;

export type NetworkProof = { readonly isolated: true } | { readonly isolated: false; readonly reachable: readonly string[] };

interface Address {
  readonly host: string;
  readonly port: number;
}

/** `host:port` or `[IPv6]:port`. */
const parseAddress = (text: string): Address => {
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) };
};

const addressOf = (url: string): Address => {
  const { protocol, hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (protocol === 'https:' ? 443 : 80) };
};

const connects = (address: Address): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(address);
    const settle = (connected: boolean): void => {
      resolve(connected);
      socket.destroy();
    };
    const timer = setTimeout(() => settle(false), ATTEMPT_MS);
    socket.on('close', () => clearTimeout(timer));
    socket.on('connect', () => settle(true));
    socket.on('error', () => settle(false));
  });

/**
 * Tries everything that must be out of reach, all at once and again while anything of it connects, for `lagMs` (10 s). Isolation is proved by
 * a look in which nothing forbidden connects while the gateway does; a gateway that is away is waited for. Rejects with the signal's reason.
 */
export const proveIsolation = async (
  {
    gatewayUrl,
    forbidden,
    lagMs = LAG_MS,
  }: { readonly gatewayUrl: string; readonly forbidden: readonly string[]; readonly lagMs?: number },
  signal: AbortSignal,
): Promise<NetworkProof> => {
  if (forbidden.length === 0) return { isolated: true };
  for (const deadline = Date.now() + lagMs; ; await delay(PAUSE_MS, undefined, { signal }).catch(() => signal.throwIfAborted())) {
    signal.throwIfAborted();
    const [answers, ...reached] = await Promise.all([addressOf(gatewayUrl), ...forbidden.map(parseAddress)].map(connects));
    const reachable = forbidden.filter((_, at) => reached[at]);
    if (reachable.length === 0 && answers === true) return { isolated: true };
    if (reachable.length > 0 && Date.now() >= deadline) return { isolated: false, reachable };
  }
};
