import { crc32, deflateRawSync } from 'node:zlib';

/** One entry of a zip made by hand; what is left out is what an honest tool would write. */
export interface ZipEntry {
  readonly name: string | Buffer;
  readonly content?: string | Buffer;
  /** Unix mode with type bits, such as 0o120777 for a link. */
  readonly mode?: number;
  readonly stored?: boolean;
  /** 3: Unix, 0: DOS. */
  readonly host?: number;
  readonly flags?: number;
  readonly method?: number;
  readonly extra?: Buffer;
  /** What the directory says instead of the truth. */
  readonly declared?: { readonly size?: number; readonly packed?: number; readonly crc?: number; readonly headerStart?: number };
}

const numbers = (...fields: readonly (readonly [bytes: 2 | 4, value: number])[]): Buffer =>
  Buffer.concat(
    fields.map(([bytes, value]) => {
      const field = Buffer.alloc(bytes);
      field.writeUIntLE(value, 0, bytes);
      return field;
    }),
  );

/** Builds a zip byte by byte, so that it may say anything. */
export const craftZip = (entries: readonly ZipEntry[]): Buffer => {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const name = Buffer.from(entry.name);
    const content = Buffer.from(entry.content ?? '');
    const data = entry.stored === true ? content : deflateRawSync(content);
    const {
      host = 3,
      flags = 0x800,
      method = entry.stored === true ? 0 : 8,
      mode = 0o100644,
      extra = Buffer.alloc(0),
      declared = {},
    } = entry;
    const sizes = [
      [4, declared.crc ?? crc32(content)],
      [4, declared.packed ?? data.length],
      [4, declared.size ?? content.length],
      [2, name.length],
    ] as const;
    const local = numbers([4, 0x04034b50], [2, 20], [2, flags], [2, method], [4, 0], ...sizes, [2, 0]);
    parts.push(local, name, data);
    directory.push(
      numbers([4, 0x02014b50], [2, (host << 8) | 20], [2, 20], [2, flags], [2, method], [4, 0], ...sizes),
      numbers([2, extra.length], [2, 0], [2, 0], [2, 0], [4, (mode << 16) >>> 0], [4, declared.headerStart ?? offset]),
      name,
      extra,
    );
    offset += local.length + name.length + data.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const isLarge = entries.length > 0xffff;
  const count = Math.min(entries.length, 0xffff);
  const many: readonly (readonly [4, number])[] = [
    [4, entries.length],
    [4, 0],
  ];
  const zip64 = isLarge
    ? [
        numbers(
          [4, 0x06064b50],
          [4, 44],
          [4, 0],
          [2, 45],
          [2, 45],
          [4, 0],
          [4, 0],
          ...many,
          ...many,
          [4, size],
          [4, 0],
          [4, offset],
          [4, 0],
        ),
        numbers([4, 0x07064b50], [4, 0], [4, offset + size], [4, 0], [4, 1]),
      ]
    : [];
  return Buffer.concat([
    ...parts,
    ...directory,
    ...zip64,
    numbers([4, 0x06054b50], [4, 0], [2, count], [2, count], [4, size], [4, offset], [2, 0]),
  ]);
};
