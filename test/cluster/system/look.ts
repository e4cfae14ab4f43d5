import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const PROGRAMS = join(import.meta.dirname, '../../support/hostile-project');

/**
 * A shell script that calls a function of one of the hostile programs, wherever there is Node, and says what it found. The program comes by
 * standard input: no file and no argument of it stands in what it searches.
 */
export const look = async (program: string, name: string, given: object): Promise<string> => {
  const source = await readFile(join(PROGRAMS, program), 'utf8');
  return `node --input-type=module - <<'LOOK'
${source}
console.log('FOUND ' + JSON.stringify(await ${name}(${JSON.stringify(given)})));
LOOK`;
};

/** What a look said that it found. */
export const foundIn = (said: string): unknown => {
  const line = said.split('\n').find((candidate) => candidate.startsWith('FOUND '));
  if (line === undefined) throw new Error(`the look did not come to its end: ${said.slice(-2000)}`);
  return JSON.parse(line.slice('FOUND '.length));
};

/** For a search that must not find itself, and joins them. */
export const halves = (text: string): readonly [string, string] => [text.slice(0, text.length / 2), text.slice(text.length / 2)];
