import { StringDecoder } from 'node:string_decoder';

/** From this length on an output is shown in two pieces (mini-swe-agent's numbers). */
export const WHOLE_CHARS = 10_000;
const PIECE_CHARS = 5_000;

export interface OutputWindow {
  push(chunk: Buffer): void;
  /** The whole output where it is short, else its head, a count of what is left out, and its tail. */
  text(): string;
}

/** Keeps the head and the tail of an output of any length in constant memory. */
export const createOutputWindow = (): OutputWindow => {
  const decoder = new StringDecoder('utf8');
  let head = '';
  let tail = '';
  let total = 0;
  const add = (text: string): void => {
    total += text.length;
    const room = WHOLE_CHARS - head.length;
    head += text.slice(0, room);
    const rest = text.slice(room);
    if (rest !== '') tail = (tail + rest).slice(-PIECE_CHARS);
  };
  return {
    push: (chunk) => add(decoder.write(chunk)),
    text: () => {
      add(decoder.end());
      if (total < WHOLE_CHARS) return head;
      const end = (head.slice(PIECE_CHARS) + tail).slice(-PIECE_CHARS);
      return `${head.slice(0, PIECE_CHARS)}\n… ${total - 2 * PIECE_CHARS} characters left out …\n${end}`.toWellFormed();
    },
  };
};

/** The same for a text that is at hand. */
export const clip = (text: string): string => {
  const window = createOutputWindow();
  window.push(Buffer.from(text));
  return window.text();
};
