const ESCAPES: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, '"': 34, '\\': 92 };

/** Bytes that were read as Latin-1 and are UTF-8 really. */
const utf8 = (latin1: string): string => Buffer.from(latin1, 'latin1').toString('utf8');

/** A name as git prints it: as it is, or in double quotes with C escapes where it holds odd bytes. */
export const unquotePath = (printed: string): string => {
  if (!printed.startsWith('"')) return utf8(printed);
  const inner = printed.slice(1, printed.endsWith('"') ? -1 : undefined);
  return utf8(
    inner.replace(/\\([0-7]{1,3}|.)/g, (_, code: string) =>
      String.fromCharCode(/^[0-7]/.test(code) ? Number.parseInt(code, 8) & 255 : (ESCAPES[code] ?? code.charCodeAt(0))),
    ),
  );
};

/** Without the `a/` or `b/` that git puts before names; null for `/dev/null`. */
export const sidePath = (printed: string): string | null => {
  // Git ends a name that holds a space with a tab.
  const path = unquotePath(printed.replace(/\t$/, ''));
  return path === '/dev/null' ? null : path.replace(/^[ab]\//, '');
};

/** The name in `diff --git a/x b/x`, which is the same on both sides wherever nothing else in the header says it. */
export const headerPath = (rest: string): string => {
  const quoted = /^("(?:[^"\\]|\\.)*") /.exec(rest)?.[1];
  if (quoted !== undefined) return sidePath(quoted) ?? '';
  return sidePath(rest.slice(0, (rest.length - 1) / 2)) ?? '';
};
