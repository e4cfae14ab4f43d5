export type LineEnd = '\n' | '\r\n' | '';

export interface Line {
  readonly text: string;
  readonly end: LineEnd;
}

/** Cuts a text into lines with their own ends; only the last may have none. */
export const splitLines = (text: string): Line[] =>
  Array.from(text.matchAll(/([^\n]*?)(\r\n|\n|$)/g))
    .filter(([whole]) => whole !== '')
    .map(([, content = '', end = '']): Line => ({ text: content, end: end === '\n' || end === '\r\n' ? end : '' }));

/** The end that new lines get where no neighbour says otherwise. */
export const usualEnd = (lines: readonly Line[]): '\n' | '\r\n' => {
  const crlf = lines.filter(({ end }) => end === '\r\n').length;
  return crlf * 2 > lines.length ? '\r\n' : '\n';
};

/** Joins lines; one without an end that isn't the last any more gets `usual`. */
export const joinLines = (lines: readonly Line[], usual: '\n' | '\r\n'): string =>
  lines.map(({ text, end }, index) => text + (end === '' && index < lines.length - 1 ? usual : end)).join('');
