type Environment = Readonly<Record<string, string | undefined>>;

export const TEMPORAL_VERSION: string;
/** Where downloads are kept between clones: CODEBAY_DOWNLOADS, or `~/.cache/codebay`. */
export function cacheFolder(env?: Environment): string;
/** The cached Temporal CLI's folder; its binary is `bin/temporal`. */
export function temporalFolder(env?: Environment): string;
/** The Temporal CLI of PATH, else of the cache, else null. */
export function findTemporalCli(env?: Environment): string | null;
