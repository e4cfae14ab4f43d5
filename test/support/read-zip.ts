import { buffer } from 'node:stream/consumers';
import { type Entry, fromBuffer, type ZipFile } from 'yauzl';

export interface ZipEntry {
  readonly content: Buffer;
  /** File type and permissions, as the zip's Unix attributes hold them. */
  readonly mode: number;
}

const contentOf = (zip: ZipFile, entry: Entry): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    zip.openReadStream(entry, (error, stream) => (error === null ? resolve(buffer(stream)) : reject(error)));
  });

/** All entries of a zip by their names. */
export const readZip = (bytes: Buffer): Promise<Readonly<Record<string, ZipEntry>>> =>
  new Promise((resolve, reject) => {
    fromBuffer(bytes, { autoClose: false }, (error, zip) => {
      if (error !== null) return reject(error);
      const found: Promise<readonly [string, ZipEntry]>[] = [];
      zip.on('entry', (entry: Entry) => {
        const mode = entry.externalFileAttributes >>> 16;
        found.push(contentOf(zip, entry).then((content) => [entry.fileName, { content, mode }]));
      });
      zip.once('error', reject);
      zip.once('end', () => Promise.all(found).then((entries) => resolve(Object.fromEntries(entries)), reject));
    });
  });
