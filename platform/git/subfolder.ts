/** How the paths in a subfolder begin, one character a byte; empty where none is asked for. */
export const subfolderPrefix = (subfolder: string | undefined): string =>
  subfolder === undefined ? '' : `${Buffer.from(subfolder).toString('latin1').replace(/\/+$/, '')}/`;
