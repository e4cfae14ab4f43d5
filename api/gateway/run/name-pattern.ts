/** Whether a name is the one that the pattern says, or, where that ends in `/*`, lies below it. Letters' case counts. */
export const matchesName = (pattern: string, name: string): boolean =>
  pattern.endsWith('/*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
