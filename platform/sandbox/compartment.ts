import type { Compartment } from '../../tasks/ports/compartment.ts';
import type { RunFolder } from './run-folder.ts';

/** The compartment of one run, confined as its folder says. */
export const createCompartment = (folder: Pick<RunFolder, 'path' | 'order' | 'confinement'>): Compartment => {
  throw new Error(`not built yet: ${folder.path}`);
};
