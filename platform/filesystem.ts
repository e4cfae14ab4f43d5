import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type ObjectStore, ObjectTooLargeError, type StoredObject } from '../tasks/ports/object-store.ts';
import { createLinkSigner } from './filesystem-links.ts';
import { checkObjectKey, checkObjectPrefix, INCOMING } from './object-key.ts';

export interface FilesystemStoreOptions {
  readonly root: string;
  /** Where users reach the API; it serves `/objects/*` with `openLink`. */
  readonly publicUrl: string;
  /** Signs the links. */
  readonly secret: string;
  readonly now?: () => number;
}

export interface FilesystemStore extends ObjectStore {
  /** What a presigned link leads to; null for a forged, changed or expired one, and where the object is gone. */
  openLink(
    pathAndQuery: URL,
  ): Promise<{ readonly sizeBytes: number; readonly contentType: string; readonly filename: string; readonly body: Readable } | null>;
}

/** Longer than any upload takes: an older file was left by a process that died. */
const ABANDONED_AFTER_MS = 24 * 3600 * 1000;
/** How often a folder may vanish before a put gives up. */
const MAX_MOVES = 20;
const hasCode = (error: unknown, ...codes: readonly string[]): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' && codes.includes(error.code);

/** `null` where there is nothing of that name. */
const ifPresent = async <T>(found: Promise<T>): Promise<T | null> => {
  try {
    return await found;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return null;
    throw error;
  }
};

const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

const makeFolder = async (folder: string): Promise<void> => {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  // A new name is durable once the folder that holds it is.
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
};

/** Writes the whole stream to a new file and onto the disk; hashes on the way. */
const writeFile = async (file: string, body: Readable, maxBytes: number, signal: AbortSignal | undefined): Promise<StoredObject> => {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const handle = await open(file, 'wx', 0o600);
  await pipeline(
    body,
    async function* (chunks: AsyncIterable<Buffer | string>) {
      for await (const piece of chunks) {
        const chunk = typeof piece === 'string' ? Buffer.from(piece) : piece;
        sizeBytes += chunk.length;
        if (sizeBytes > maxBytes) throw new ObjectTooLargeError(maxBytes);
        hash.update(chunk);
        yield chunk;
      }
    },
    handle.createWriteStream({ flush: true }),
    { signal },
  );
  return { sizeBytes, sha256: hash.digest('hex') };
};

/** Moves a finished file to its place; a `deletePrefix` at the same time may take the folder away in between. */
const moveInto = async (from: string, to: string): Promise<void> => {
  const folder = dirname(to);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await makeFolder(folder);
      await rename(from, to);
      break;
    } catch (error) {
      // ENOTDIR is what `mkdir` says of a folder that went while it looked.
      if (!hasCode(error, 'ENOENT', 'ENOTDIR') || attempt === MAX_MOVES) throw error;
    }
  }
  // Gone again already: deleted after it was whole.
  await ifPresent(syncFolder(folder));
};

const removeAbandoned = async (incoming: string, now: number): Promise<void> => {
  for (const name of await readdir(incoming)) {
    const file = join(incoming, name);
    const found = await ifPresent(stat(file));
    if (found !== null && found.mtimeMs < now - ABANDONED_AFTER_MS) await rm(file, { force: true });
  }
};

/** Objects as files below `root`. One key can't be both an object and the folder of another. */
export const createFilesystemStore = ({ root, publicUrl, secret, now = Date.now }: FilesystemStoreOptions): FilesystemStore => {
  const links = createLinkSigner({ publicUrl, secret, now });
  // In the same filesystem as the objects, so that a rename makes one whole at once.
  const incoming = join(root, INCOMING);
  let tidied = false;
  const prepare = async (): Promise<void> => {
    await makeFolder(incoming);
    if (tidied) return;
    await removeAbandoned(incoming, now());
    tidied = true;
  };
  const pathOf = (key: string): string => {
    checkObjectKey(key);
    return join(root, key);
  };

  const openObject = async (key: string): Promise<{ readonly handle: FileHandle; readonly sizeBytes: number } | null> => {
    const handle = await ifPresent(open(pathOf(key), 'r'));
    if (handle === null) return null;
    const found = await handle.stat();
    if (found.isFile()) return { handle, sizeBytes: found.size };
    await handle.close();
    return null;
  };

  const get: ObjectStore['get'] = async (key, { signal } = {}) => {
    signal?.throwIfAborted();
    const object = await openObject(key);
    if (object === null) return null;
    const body = object.handle.createReadStream();
    return { sizeBytes: object.sizeBytes, body: signal === undefined ? body : addAbortSignal(signal, body) };
  };

  return {
    put: async (key, body, { maxBytes = Number.POSITIVE_INFINITY, signal } = {}) => {
      const file = join(incoming, randomUUID());
      // A source that fails before its first byte is read must not be an uncaught error; the pipeline reports it.
      body.on('error', () => {});
      try {
        const path = pathOf(key);
        await prepare();
        const stored = await writeFile(file, body, maxBytes, signal);
        await moveInto(file, path);
        return stored;
      } catch (error) {
        body.destroy();
        await rm(file, { force: true });
        throw error;
      }
    },
    get,
    stat: async (key) => {
      const found = await ifPresent(stat(pathOf(key)));
      return found?.isFile() ? { sizeBytes: found.size } : null;
    },
    deletePrefix: async (prefix) => {
      checkObjectPrefix(prefix);
      await rm(pathOf(prefix.slice(0, -1)), { recursive: true, force: true, maxRetries: 3 });
    },
    presign: async (key, options) => {
      checkObjectKey(key);
      return links.sign(key, options);
    },
    openLink: async (pathAndQuery) => {
      const link = links.verify(pathAndQuery);
      const object = link === null ? null : await get(link.key);
      return link === null || object === null ? null : { ...object, contentType: link.contentType, filename: link.filename };
    },
  };
};
