import type { Answer, ModelScript, RecordedRequest } from './scripted-model.ts';
import { until } from './until.ts';

export interface HeldTurns {
  readonly script: ModelScript;
  /** The turn of each request, in order of arrival; turns count from 0. */
  readonly asked: readonly number[];
  /** What broke the rule that turns are asked one after the other, and none again once it was answered. */
  readonly violations: readonly string[];
  /** From now on this turn's answers wait for `release`. */
  hold(turn: number): void;
  release(turn: number): void;
  /** Resolves when this turn has been asked so many times. */
  untilAsked(turn: number, times?: number): Promise<void>;
}

/** How far a conversation has come: the answers in it. A request that is asked again is the same turn. */
export const turnOf = (request: RecordedRequest): number => request.body.messages.filter(({ role }) => role === 'assistant').length;

/** A script for one task: the answer of each turn, which the test can hold back. */
export const createHeldTurns = (answers: readonly Answer[]): HeldTurns => {
  const holds = new Map<number, PromiseWithResolvers<void>>();
  const asked: number[] = [];
  const violations: string[] = [];
  let answered = -1;
  return {
    asked,
    violations,
    async script(request) {
      const turn = turnOf(request);
      asked.push(turn);
      const answer = answers[turn];
      if (turn !== answered + 1) violations.push(`turn ${turn} was asked when the last answered one was ${answered}`);
      if (answer === undefined) return { kind: 'error', status: 400, message: `the script has no turn ${turn}` };
      await holds.get(turn)?.promise;
      answered = turn;
      return answer;
    },
    hold(turn) {
      holds.set(turn, Promise.withResolvers());
    },
    release(turn) {
      holds.get(turn)?.resolve();
    },
    untilAsked: async (turn, times = 1) => {
      await until(`turn ${turn} was asked ${times} times`, () => asked.filter((one) => one === turn).length >= times);
    },
  };
};
