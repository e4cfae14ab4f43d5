import { readFileSync } from 'node:fs';

/** Does what `envsubst` does with a list of variables: replaces each `${NAME}`; throws where one has no value, or a value no place. */
export const renderTemplate = (file: string, values: Readonly<Record<string, string>>): string => {
  const places = new Set<string>();
  const text = readFileSync(file, 'utf8').replace(/\$\{([A-Z_]+)\}/g, (_, name: string) => {
    places.add(name);
    const value = values[name];
    if (value === undefined) throw new Error(`${file} needs ${name}`);
    return value;
  });
  const unused = Object.keys(values).find((name) => !places.has(name));
  if (unused !== undefined) throw new Error(`${file} has no place for ${unused}`);
  return text;
};
