import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { basename, dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createZstdCompress, createZstdDecompress } from 'node:zlib';
import type { Compartment } from '../../tasks/ports/compartment.ts';
import type { StoredBlob } from './gateway-client.ts';
import { createGit } from './git.ts';
import { openScratchFile } from './scratch-file.ts';

/* Home and what git ignores, by names relative to the folder that holds both. */
const PACK = `
  list=$SIDE/made-by-setup
  git ls-files -z --others --ignored --exclude-standard > "$list.code"
  sed -z "s,^,$3/," "$list.code" > "$list"
  cd "$1"
  find "$2" -mindepth 1 -maxdepth 1 -print0 >> "$list"
  tar -c -f - --null --verbatim-files-from -T "$list"
  rm "$list" "$list.code"
`;

/* Whatever comes out of the archive, files that git doesn't ignore are as they were staged. */
const UNPACK = `
  tar -x -p -f - -C "$1" --no-same-owner
  cp -p "$SIDE/index.base" "$GIT_INDEX_FILE"
  git checkout-index -q -f -a
  git clean -q -ffd
`;

const placesOf = ({ paths }: Compartment): readonly string[] => [dirname(paths.code), basename(paths.home), basename(paths.code)];

/**
 * What set-up left in home and in files that git ignores, as a compressed tar in a file of the sidecar's own. Nothing of set-up may be
 * running. Throws `FileTooLargeError` above the cap.
 */
export const packSetup = async (compartment: Compartment, path: string, maxBytes: number, signal: AbortSignal): Promise<StoredBlob> => {
  const file = await openScratchFile(path, maxBytes);
  const compressed = createZstdCompress();
  const refused = new AbortController();
  const written = (async () => {
    for await (const chunk of compressed) await file.write(chunk);
  })();
  written.catch((error: unknown) => refused.abort(error));
  try {
    await createGit(compartment)({
      script: PACK,
      args: placesOf(compartment),
      onStdout: async (chunk) => {
        if (!compressed.write(chunk))
          await once(compressed, 'drain', { signal: refused.signal }).catch(() => refused.signal.throwIfAborted());
      },
      signal: AbortSignal.any([signal, refused.signal]),
    });
    compressed.end();
    await written;
    return await file.seal();
  } catch (error) {
    compressed.destroy();
    await file.discard();
    refused.signal.throwIfAborted();
    throw error;
  }
};

/** Lays what another run's set-up made over the staged code. */
export const unpackSetup = async (compartment: Compartment, path: string, signal: AbortSignal): Promise<void> => {
  const tar = createZstdDecompress();
  const unpacked = createGit(compartment)({ script: UNPACK, args: placesOf(compartment), stdin: tar, signal });
  await Promise.all([unpacked, pipeline(createReadStream(path), tar)]);
};
