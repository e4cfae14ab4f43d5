const PUNCTUATION: Readonly<Record<string, string>> = {
  '‐': '-',
  '‑': '-',
  '‒': '-',
  '–': '-',
  '—': '-',
  '―': '-',
  '−': '-',
  '‘': "'",
  '’': "'",
  '‚': "'",
  '‛': "'",
  '“': '"',
  '”': '"',
  '„': '"',
  '‟': '"',
};

const normalised = (line: string): string =>
  line
    .trim()
    .replace(/[\u2010-\u2015\u2212\u2018-\u201f]/g, (character) => PUNCTUATION[character] ?? character)
    .replace(/[\u00a0\u2002-\u200a\u202f\u205f\u3000]/g, ' ');

/** From strict to lenient, as Codex compares: models get invisible differences wrong. */
const LEVELS: readonly ((line: string) => string)[] = [(line) => line, (line) => line.trimEnd(), (line) => line.trim(), normalised];

/**
 * Where `wanted` stands in `lines`, from line `from` on: every place at the strictest level that has one, none where nothing matches.
 * `atEnd` allows only the end of the file.
 */
export const findLines = (lines: readonly string[], wanted: readonly string[], from: number, atEnd: boolean): number[] => {
  const last = lines.length - wanted.length;
  const first = atEnd ? Math.max(from, last) : from;
  for (const level of LEVELS) {
    const needle = wanted.map(level);
    const places: number[] = [];
    for (let place = first; place <= last; place++) {
      if (needle.every((line, offset) => level(lines[place + offset] ?? '') === line)) places.push(place);
    }
    if (places.length > 0) return places;
  }
  return [];
};
