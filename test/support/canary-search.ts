import { readdirSync, readFileSync, readlinkSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';

/** Texts to search, by where they come from. */
export type Places = Readonly<Record<string, string>>;

const orNothing = (read: () => string): string => {
  try {
    return read();
  } catch {
    // Gone meanwhile.
    return '';
  }
};

const isThere = (path: string): Stats | undefined => statSync(path, { throwIfNoEntry: false });

/** Every file below a folder, byte for byte, under its path from there. */
export const filesBelow = (folder: string): Places =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => isThere(join(folder, name))?.isFile() ?? false)
      .map((name) => [name, orNothing(() => readFileSync(join(folder, name), 'latin1'))]),
  );

/** Command lines and environments of every process of this machine but the test itself, each under the entry file of Codebay that it runs, or its program. */
export const processTexts = (): Places => {
  const places: Record<string, string> = {};
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    const command = orNothing(() => readFileSync(`/proc/${pid}/cmdline`, 'latin1'));
    const program = /[\w-]+\/[\w-]+\.ts(?=\0)/.exec(command)?.[0] ?? orNothing(() => readlinkSync(`/proc/${pid}/exe`));
    const environment = orNothing(() => readFileSync(`/proc/${pid}/environ`, 'latin1'));
    places[`${program} command`] = (places[`${program} command`] ?? '') + command;
    places[`${program} environment`] = (places[`${program} environment`] ?? '') + environment;
  }
  return places;
};

/** Raw, URL-encoded, and base64 at each of its alignments within a longer text, without the characters that its neighbours decide. */
const formsOf = (secret: string): string[] => {
  const base64 = [0, 1, 2].map((offset) => {
    const whole = Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)]).toString('base64');
    return whole.slice(offset === 0 ? 0 : 4, -4);
  });
  return [secret, encodeURIComponent(secret), ...base64, ...base64.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'))];
};

/** The places where a secret stands in any form. */
export const placesOf = (secret: string, places: Places): string[] => {
  const forms = formsOf(secret);
  return Object.entries(places)
    .filter(([, text]) => forms.some((form) => text.includes(form)))
    .map(([place]) => place)
    .sort();
};
