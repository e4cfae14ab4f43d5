import { isUtf8 } from 'node:buffer';
import { type Entry, getFileNameLowLevel } from 'yauzl';
import { FailureError } from '../../tasks/failure.ts';

/** What an entry of a zip asks for. `path` holds one character a byte, so that no name is lost in decoding. */
export interface ZipMember {
  readonly path: string;
  readonly kind: 'file' | 'folder' | 'link';
  readonly executable: boolean;
}

const UTF8_FLAG = 0x800;
const UNICODE_PATH_FIELD = 0x7075;
const UNIX_HOSTS = new Set([3, 19]);
const TYPE_MASK = 0o170000;
const TYPES: ReadonlyMap<number, ZipMember['kind']> = new Map([
  [0o100000, 'file'],
  [0o040000, 'folder'],
  [0o120000, 'link'],
]);

/** A name as it may stand in a sentence: readable, quoted, bounded. */
export const quoted = (path: string): string => JSON.stringify(Buffer.from(path, 'latin1').toString('utf8').slice(0, 200));

export const unsafe = (path: string, why: string): FailureError => new FailureError('ARCHIVE_UNSAFE', `the entry ${quoted(path)} ${why}`);

/** The name's bytes: as they are where they are UTF-8 or were written on Unix, from code page 437 where DOS wrote them. */
const nameOf = (entry: Entry): string => {
  const raw = entry.fileNameRaw;
  const hasUnicodePath = entry.extraFields.some(({ id }) => id === UNICODE_PATH_FIELD);
  const isRaw = (entry.generalPurposeBitFlag & UTF8_FLAG) !== 0 || isUtf8(raw) || UNIX_HOSTS.has(entry.versionMadeBy >> 8);
  if (isRaw && !hasUnicodePath) return raw.toString('latin1');
  return Buffer.from(getFileNameLowLevel(entry.generalPurposeBitFlag, raw, entry.extraFields, true)).toString('latin1');
};

const checkName = (name: string): void => {
  if (name.includes('\0')) throw unsafe(name, 'has a NUL in its name');
  if (name.includes('\\')) throw unsafe(name, 'has a backslash in its name');
  if (name.startsWith('/')) throw unsafe(name, 'has an absolute path');
  if (/^[a-z]:/i.test(name)) throw unsafe(name, 'has a drive letter in its path');
  if (name.split('/').includes('..')) throw unsafe(name, 'leads out of the archive');
};

/** Reads name, kind and mode of an entry. Throws ARCHIVE_UNSAFE for a path that leads anywhere else, or a device. */
export const readMember = (entry: Entry): ZipMember => {
  const name = nameOf(entry);
  checkName(name);
  const path = name
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
  const mode = UNIX_HOSTS.has(entry.versionMadeBy >> 8) ? entry.externalFileAttributes >>> 16 : 0;
  const type = mode & TYPE_MASK;
  const kind = name.endsWith('/') ? 'folder' : type === 0 ? 'file' : TYPES.get(type);
  if (kind === undefined) throw unsafe(path, 'is neither a file, a folder nor a link');
  if (path === '' && kind !== 'folder') throw unsafe(path, 'has no name');
  return { path, kind, executable: kind === 'file' && (mode & 0o111) !== 0 };
};

/** Whether the path is git's own: those are dropped, because git would run what they configure. */
export const isGitPath = (path: string): boolean => path.split('/').some((part) => part.toLowerCase() === '.git');
