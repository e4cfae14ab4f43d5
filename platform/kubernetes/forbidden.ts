import { lookup } from 'node:dns/promises';

/** The addresses behind CODEBAY_RUN_FORBIDDEN. Runs have no name service, so that `api-server` becomes the address that workers reach it by. */
export const forbiddenOf = async (wanted: readonly string[], apiServer: string): Promise<readonly string[]> => {
  const given = wanted.filter((address) => address !== 'api-server' && address !== 'none');
  if (!wanted.includes('api-server')) return given;
  const { hostname, port } = new URL(apiServer);
  const { address, family } = await lookup(hostname.replace(/^\[|\]$/g, ''));
  return [...given, `${family === 6 ? `[${address}]` : address}:${port || '443'}`];
};
