import { CompartmentLostError } from '../../tasks/ports/compartment.ts';
import type { CommandEnd, RunningCommand } from './link.ts';

interface Turn {
  readonly name: string;
  readonly begun: PromiseWithResolvers<void>;
  readonly settled: PromiseWithResolvers<CommandEnd>;
  exitCode: number | null;
  /** Whether the end was asked for before the command came to it. */
  wasKilled: boolean;
  silence: NodeJS.Timeout | null;
}

/** The command that an executor is at: from `run` to `gone`, or to the loss of the executor. */
export const createCommandTurn = (deps: {
  readonly send: (line: string) => void;
  readonly answerMs: number;
  /** The executor was told to kill and says nothing. */
  readonly onSilence: () => void;
}) => {
  const { send, answerMs, onSilence } = deps;
  let turn: Turn | null = null;
  let lost: string | null = null;

  const askToKill = (current: Turn): void => {
    if (current.silence !== null) return;
    current.silence = setTimeout(onSilence, answerMs);
    send(`kill ${current.name}`);
  };
  const settle = (current: Turn): void => {
    clearTimeout(current.silence ?? undefined);
    if (turn === current) turn = null;
  };
  return {
    begin: (name: string): RunningCommand => {
      if (turn !== null) throw new Error(`${turn.name} is still running`);
      const [begun, settled] = [Promise.withResolvers<void>(), Promise.withResolvers<CommandEnd>()];
      const current: Turn = { name, begun, settled, exitCode: null, wasKilled: false, silence: null };
      if (lost === null) {
        turn = current;
        send(`run ${name}`);
      } else settled.reject(new CompartmentLostError(lost));
      return {
        kill: () => {
          if (turn !== current) return;
          current.wasKilled ||= current.exitCode === null;
          askToKill(current);
        },
        begun: begun.promise,
        end: settled.promise,
      };
    },
    /** Lines that say nothing about the command are dropped. */
    reply: (line: string): void => {
      const [, verb, name, value] = /^(begun|ended|gone) (\S+)(?: (\d{1,9}))?$/.exec(line) ?? [];
      if (turn === null || name !== turn.name) return;
      if (verb === 'begun') turn.begun.resolve();
      else if (value === undefined) return;
      else if (verb === 'ended') {
        if (!turn.wasKilled) turn.exitCode ??= Number(value);
        askToKill(turn);
      } else if (turn.silence !== null) {
        const { exitCode, settled } = turn;
        settle(turn);
        settled.resolve({ exitCode, oomKills: Number(value) });
      }
    },
    /** A command that has ended, or that was to end anyway, has; any other is lost. */
    lose: (reason: string): void => {
      lost = reason;
      if (turn === null) return;
      const { exitCode, wasKilled, settled } = turn;
      settle(turn);
      if (wasKilled || exitCode !== null) settled.resolve({ exitCode, oomKills: 0 });
      else settled.reject(new CompartmentLostError(reason));
    },
  };
};
