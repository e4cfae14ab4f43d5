/** The first executable file of that name in PATH, or null. */
export function which(name: string, env?: Readonly<Record<string, string | undefined>>): string | null;
