/** Each command's code is loaded when it is used, so that the others stay quick. */
export const run = (command: Promise<number>): Promise<void> =>
  command.then((code) => {
    process.exitCode = code;
  });
