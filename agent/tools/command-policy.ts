import { simpleCommands } from './simple-commands.ts';

/** Why a command may not be run, for the model; null where it may. */
export type CommandPolicy = (command: string) => string | null;

const beginsWith = (words: readonly string[], allowed: readonly string[]): boolean => allowed.every((word, at) => words[at] === word);

/**
 * Allows shell texts whose every simple command begins with the words of an entry (`git`, `npm test`). A guard rail for an agent that means
 * well, not a border: an allowed program may start others.
 */
export const createCommandPolicy = (entries: readonly string[]): CommandPolicy => {
  const allowed = entries.map((entry) => entry.split(/\s+/).filter((word) => word !== ''));
  return (command) => {
    const commands = simpleCommands(command);
    const refusal = `This station allows only commands that begin with: ${entries.join(', ')}`;
    if (commands === null) {
      return `COMMAND_REFUSED: substitutions, subshells, here-documents, comments and open quotes can't be checked. ${refusal}.`;
    }
    const refused = commands.find((words) => !allowed.some((entry) => beginsWith(words, entry)));
    return refused === undefined ? null : `COMMAND_REFUSED: ${JSON.stringify(refused.slice(0, 2).join(' '))} is not allowed. ${refusal}.`;
  };
};
