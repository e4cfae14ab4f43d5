import { ToolError } from '../tool.ts';
import { joinLines, type Line, splitLines, usualEnd } from './lines.ts';
import { findLines } from './match.ts';
import type { Hunk } from './parse.ts';

const BOM = '\ufeff';
const QUOTED_LINES = 6;

const quoted = (lines: readonly string[]): string => {
  const shown = lines.slice(0, QUOTED_LINES).map((line) => `  ${line.slice(0, 160)}`);
  return [...shown, ...(lines.length > QUOTED_LINES ? [`  … ${lines.length - QUOTED_LINES} lines more`] : [])].join('\n');
};

/** Places where a hunk may stand: its first match below each place of its anchors, or each match where it has none. */
const placesOf = (texts: readonly string[], hunk: Hunk, wanted: readonly string[], from: number, path: string): number[] => {
  let starts = [from];
  for (const anchor of hunk.anchors) {
    const found = starts.flatMap((start) => findLines(texts, [anchor], start, false).map((place) => place + 1));
    if (found.length === 0) throw new ToolError(`${path}: the line behind @@ was not found below line ${from}:\n${quoted([anchor])}`);
    starts = [...new Set(found)];
  }
  if (wanted.length === 0) return hunk.anchors.length === 0 || hunk.atEnd ? [texts.length] : starts;
  if (hunk.anchors.length === 0) return findLines(texts, wanted, from, hunk.atEnd);
  return [...new Set(starts.flatMap((start) => findLines(texts, wanted, start, hunk.atEnd).slice(0, 1)))];
};

const placeOf = (texts: readonly string[], hunk: Hunk, wanted: readonly string[], from: number, path: string): number => {
  const [place, ...others] = placesOf(texts, hunk, wanted, from, path);
  if (place === undefined) {
    const above = from > 0 && findLines(texts, wanted, 0, hunk.atEnd).length > 0;
    const hint = above
      ? 'They stand above an earlier hunk: put the hunks into the order of the file.'
      : 'Read the file again and copy the lines exactly.';
    throw new ToolError(`${path}: these lines were not found${hunk.atEnd ? ' at the end of the file' : ''}:\n${quoted(wanted)}\n${hint}`);
  }
  if (others.length > 0) {
    const numbers = [place, ...others].map((index) => index + 1).slice(0, 10);
    const what = wanted.length > 0 ? wanted : hunk.anchors;
    throw new ToolError(
      `${path}: these lines are ambiguous, they fit at lines ${numbers.join(', ')}; add context lines or an @@ line:\n${quoted(what)}`,
    );
  }
  return place;
};

/** What a hunk puts in the place of its old lines: context as the file has it, new lines with their neighbour's line end. */
const replacementOf = (hunk: Hunk, old: readonly Line[], before: Line | undefined, usual: '\n' | '\r\n'): Line[] => {
  let index = 0;
  let end = old[0]?.end || before?.end || usual;
  const result: Line[] = [];
  for (const { mark, text } of hunk.lines) {
    if (mark === '+') {
      result.push({ text, end });
      continue;
    }
    const line = old[index++];
    if (line === undefined) continue;
    end = line.end || end;
    if (mark === ' ') result.push(line);
  }
  return result;
};

/**
 * A text with hunks applied, in the order of the file. Lines that no hunk adds or removes keep every byte, line end included; so do a byte
 * order mark and a missing last line end. Throws `ToolError` where a hunk's lines are not found or fit in more than one place.
 */
export const applyHunks = (text: string, hunks: readonly Hunk[], path: string): string => {
  const bom = text.startsWith(BOM) ? BOM : '';
  const lines = splitLines(text.slice(bom.length));
  const texts = lines.map((line) => line.text);
  const usual = usualEnd(lines);
  const result: Line[] = [];
  let done = 0;
  for (const hunk of hunks) {
    const wanted = hunk.lines.filter(({ mark }) => mark !== '+').map((line) => line.text);
    const place = placeOf(texts, hunk, wanted, done, path);
    result.push(...lines.slice(done, place));
    result.push(...replacementOf(hunk, lines.slice(place, place + wanted.length), lines[place - 1], usual));
    done = place + wanted.length;
  }
  result.push(...lines.slice(done));
  const last = result.at(-1);
  // A new last line takes over the missing end of the old one.
  if (last && last.text !== '' && !lines.includes(last) && lines.at(-1)?.end === '') result.splice(-1, 1, { text: last.text, end: '' });
  return bom + joinLines(result, usual);
};
