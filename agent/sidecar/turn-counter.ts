export interface Turn {
  readonly number: number;
  readonly sha256: string;
}

/** Numbers model turns so that a question asked again, because its answer never arrived whole, is the same turn. */
export interface TurnCounter {
  /** The turn of a request about to be sent. */
  begin(sha256: string): Turn;
  /** The answer to the current turn reached the agent completely. */
  delivered(): void;
  /** The newest turn; 0 before the first. */
  current(): number;
}

/** A resumed run passes the turn of its checkpoint, whose answer nobody got. */
export const createTurnCounter = (resumed: Turn | null = null): TurnCounter => {
  let number = resumed?.number ?? 0;
  let asked = resumed?.sha256 ?? null;
  return {
    begin: (sha256) => {
      if (sha256 !== asked) number += 1;
      asked = sha256;
      return { number, sha256 };
    },
    delivered: () => {
      asked = null;
    },
    current: () => number,
  };
};
