interface Waiting<I, O> {
  readonly item: I;
  readonly resolve: (outcome: O) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Does `work` for items that come together. It is called with the first of them and takes all that have come when its turn is there, `max`
 * at most; what comes later is for the next call. It answers in the order of the items; where it fails, it has failed for all of them.
 */
export const gather = <I, O>(work: (take: () => readonly I[]) => Promise<readonly O[]>, max: number): ((item: I) => Promise<O>) => {
  let gathering: Waiting<I, O>[] | null = null;

  const begin = async (lot: Waiting<I, O>[]): Promise<void> => {
    const take = (): readonly I[] => {
      if (gathering === lot) gathering = null;
      return lot.map(({ item }) => item);
    };
    try {
      const outcomes = await work(take);
      lot.forEach(({ resolve }, index) => {
        resolve(outcomes[index] as O);
      });
    } catch (error) {
      // Nothing more may come to it, though it may have failed before it took anything.
      take();
      for (const { reject } of lot) reject(error);
    }
  };

  return (item) =>
    new Promise((resolve, reject) => {
      const waiting = { item, resolve, reject };
      if (gathering === null || gathering.length === max) {
        gathering = [waiting];
        void begin(gathering);
      } else gathering.push(waiting);
    });
};
