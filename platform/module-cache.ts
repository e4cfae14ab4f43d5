import { join } from 'node:path';

/** Where Node keeps what it compiled, as NODE_COMPILE_CACHE: beside the packages, where runs may read at most, never write. */
export const moduleCache = (installDir: string): string => join(installDir, 'node_modules/.cache/codebay/modules');
