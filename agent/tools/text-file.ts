import { isUtf8 } from 'node:buffer';
import { readFile, stat } from 'node:fs/promises';
import { ToolError } from './tool.ts';

const MAX_BYTES = 32 * 1024 * 1024;
const SNIFFED_BYTES = 8192;

/** A file's text. `encoding` is latin1 where the bytes are not UTF-8, so that every byte survives a round trip. */
export interface TextFile {
  readonly text: string;
  readonly encoding: 'utf8' | 'latin1';
}

/** The text of bytes that hold text. */
export const decodeText = (bytes: Buffer): TextFile => {
  const encoding = isUtf8(bytes) ? 'utf8' : 'latin1';
  return { text: bytes.toString(encoding), encoding };
};

/** Reads a regular text file; `ToolError` for folders, devices, binary and huge files. `name` is how errors call it. */
export const readTextFile = async (path: string, name: string): Promise<TextFile> => {
  const facts = await stat(path);
  if (facts.isDirectory()) throw new ToolError(`${name} is a folder`);
  if (!facts.isFile()) throw new ToolError(`${name} is not a regular file`);
  if (facts.size > MAX_BYTES) throw new ToolError(`${name} has ${facts.size} bytes; look at parts of it with shell commands`);
  const bytes = await readFile(path);
  if (bytes.subarray(0, SNIFFED_BYTES).includes(0)) throw new ToolError(`${name} is a binary file of ${bytes.length} bytes`);
  return decodeText(bytes);
};
