/** Written so that only a shell can tell what will be executed. */
const OPAQUE = /^(?:`|\$\(|\$'|\$"|[<>]\(|<<|[()])/;
const SEPARATOR = /^(?:&&|\|\||\|&|;|\n|\||&)/;
/** Redirections whose `&` ends no command. */
const DUPLICATION = /^(?:\d*[<>]&[\d-]*|&>>?)/;
const IN_DOUBLE_QUOTES = /^(?:`|\$\()/;

/**
 * The words of each simple command of a shell text (`a 'b c' && d` → [[a, b c], [d]]). Null for everything whose commands can't be told
 * without being a shell: substitutions, subshells, here-documents, comments, quotes that don't close.
 */
export const simpleCommands = (text: string): readonly (readonly string[])[] | null => {
  const commands: string[][] = [[]];
  let word: string | null = null;
  const add = (part: string): void => {
    word = (word ?? '') + part;
  };
  const endWord = (): void => {
    if (word !== null) commands.at(-1)?.push(word);
    word = null;
  };
  for (let at = 0; at < text.length; ) {
    const rest = text.slice(at);
    const [character = ''] = rest;
    const redirected = DUPLICATION.exec(rest)?.[0];
    const separator = SEPARATOR.exec(rest)?.[0];
    if (character === '\\') {
      // A line that goes on is no part of a word.
      if (rest[1] !== '\n') add(rest[1] ?? '');
      at += 2;
    } else if (character === "'" || character === '"') {
      const end = closingQuote(rest);
      if (end === null) return null;
      add(rest.slice(1, end).replaceAll(character === '"' ? /\\(["$`\\])/g : /$^/g, '$1'));
      at += end + 1;
    } else if (OPAQUE.test(rest) || (character === '#' && word === null)) return null;
    else if (redirected !== undefined) {
      add(redirected);
      at += redirected.length;
    } else if (separator !== undefined) {
      endWord();
      commands.push([]);
      at += separator.length;
    } else {
      if (/\s/.test(character)) endWord();
      else add(character);
      at += 1;
    }
  }
  endWord();
  return commands.filter(({ length }) => length > 0);
};

/** Where the quote that the text begins with ends; null where it doesn't, or holds a substitution. */
const closingQuote = (text: string): number | null => {
  if (text[0] === "'") {
    const end = text.indexOf("'", 1);
    return end < 0 ? null : end;
  }
  for (let at = 1; at < text.length; at += text[at] === '\\' ? 2 : 1) {
    if (text[at] === '"') return at;
    if (IN_DOUBLE_QUOTES.test(text.slice(at))) return null;
  }
  return null;
};
