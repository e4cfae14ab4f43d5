/** Headers that hold for one connection only (RFC 9110, 7.6.1), and those that are for the proxy alone. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-authentication-info',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Name and value in turn, as Node takes and gives them, without what must not travel on: the identity above all. */
export const forwardedHeaders = (rawHeaders: readonly string[], dropped: readonly string[]): string[] => {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) pairs.push([rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '']);
  const named = pairs
    .filter(([name]) => name.toLowerCase() === 'connection')
    .flatMap(([, value]) => value.split(',').map((token) => token.trim().toLowerCase()));
  const stays = ([name]: [string, string]) => {
    const lower = name.toLowerCase();
    return !HOP_BY_HOP.has(lower) && !named.includes(lower) && !dropped.includes(lower);
  };
  return pairs.filter(stays).flat();
};
