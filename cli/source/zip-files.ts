import { readlink } from 'node:fs/promises';
import { PassThrough, type Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import type { FolderFile } from './folder-files.ts';

/** A zip of these files as a stream, made while it is read: links as links, exec bits kept. A file that vanishes or changes size breaks it. */
export const zipFiles = async (files: readonly FolderFile[]): Promise<Readable> => {
  const zip = new ZipFile();
  const stream = new PassThrough();
  zip.on('error', (error: Error) => stream.destroy(error));
  zip.outputStream.pipe(stream);
  for (const { path, source, mode, isLink, modified } of files) {
    if (isLink) zip.addBuffer(await readlink(source, { encoding: 'buffer' }), path, { mode, mtime: modified });
    else zip.addFile(source, path, { mode, mtime: modified });
  }
  zip.end();
  return stream;
};
