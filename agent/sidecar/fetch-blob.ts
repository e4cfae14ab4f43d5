import type { Blob } from '../../tasks/run.ts';
import type { GatewayClient, StoredBlob } from './gateway-client.ts';
import { GatewayUnreachableError } from './gateway-error.ts';
import { persist } from './persist.ts';
import { openScratchFile } from './scratch-file.ts';

/** Downloads a blob into a file of the sidecar's own; what doesn't have the named hash is fetched again. */
export const fetchBlob = (
  deps: { readonly gateway: Pick<GatewayClient, 'blob'>; readonly signal: AbortSignal },
  blob: Blob,
  path: string,
): Promise<StoredBlob> =>
  persist(async () => {
    const download = await deps.gateway.blob(blob.sha256, deps.signal);
    const file = await openScratchFile(path, blob.size_bytes);
    try {
      for await (const chunk of download as AsyncIterable<Buffer>) await file.write(chunk);
    } catch (cause) {
      await file.discard();
      throw new GatewayUnreachableError('a blob broke off', { cause });
    }
    const stored = await file.seal();
    if (stored.blob.sha256 !== blob.sha256) throw new GatewayUnreachableError('a blob broke off');
    return stored;
  }, deps.signal);
