export interface GoTool {
  readonly name: string;
  readonly version: string;
  readonly package: string;
}

/** The program of PATH, else of the cache, else null. */
export function findGoTool(tool: GoTool, env?: Readonly<Record<string, string | undefined>>): string | null;
