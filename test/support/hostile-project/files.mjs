import { accessSync, constants, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';

const can = (work) => {
  try {
    work();
    return true;
  } catch {
    return false;
  }
};

/** The names of the files and folders that could be read. */
export const readableOf = (paths) =>
  Object.entries(paths)
    .filter(([, path]) => can(() => (statSync(path).isDirectory() ? readdirSync(path) : readFileSync(path))))
    .map(([name]) => name);

const writeIn = (folder) => {
  writeFileSync(`${folder}/hostile`, 'x');
  rmSync(`${folder}/hostile`);
};

/** The names of the folders that could be written: `really` by making a file there, the others by what the kernel says, to do no harm. */
export const writableOf = ({ really, asked }) => [
  ...Object.entries(really)
    .filter(([, folder]) => can(() => writeIn(folder.replace(/^\$(\w+)/, (_, name) => process.env[name]))))
    .map(([name]) => name),
  ...asked.filter((path) => can(() => accessSync(path, constants.W_OK))),
];
