const WORDS_CHARS = 2000;
const OUTPUT_LINES = 20;
const OUTPUT_CHARS = 2000;
const CALL_LINES = 40;

/** The log that users watch live. */
export interface Narrator {
  step(number: number, limit: number): void;
  words(text: string): void;
  call(summary: string): void;
  observation(text: string): void;
  note(text: string): void;
}

const headOf = (text: string, lines: number, chars: number): string => {
  const cut = text.slice(0, chars).split('\n').slice(0, lines).join('\n');
  return cut.length < text.length ? `${cut}\n… ${text.length - cut.length} characters more` : cut;
};

const indented = (text: string): string => text.replace(/^/gm, '    ');

/** Writes each step readably: the model's words, each call, the head of what came of it. */
export const createNarrator = (write: (text: string) => void): Narrator => ({
  step: (number, limit) => write(`\n── step ${number} of at most ${limit}\n`),
  words: (text) => {
    if (text.trim() !== '') write(`${headOf(text.trim(), Number.POSITIVE_INFINITY, WORDS_CHARS)}\n`);
  },
  call: (summary) => write(`> ${headOf(summary, CALL_LINES, OUTPUT_CHARS)}\n`),
  observation: (text) => write(`${indented(headOf(text.trimEnd(), OUTPUT_LINES, OUTPUT_CHARS))}\n`),
  note: (text) => write(`* ${text}\n`),
});
