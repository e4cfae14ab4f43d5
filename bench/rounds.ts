/** One line of the benchmarks' output: what Codebay needed beside the bare peer, measured in the same process run. */
export interface Ratio {
  readonly name: string;
  /** Median of the rounds' `ours / bare`. */
  readonly ratio: number;
  /** Medians, in `unit`. */
  readonly ours: number;
  readonly bare: number;
  readonly unit: string;
  readonly rounds: number;
  /** Highest minus lowest ratio. */
  readonly spread: number;
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
};

const rounded = (value: number): number => Number(value.toPrecision(4));

interface Comparison {
  readonly name: string;
  readonly unit: string;
  readonly rounds?: number;
  /** Each measures one round and returns its figure in `unit`. */
  readonly ours: () => Promise<number>;
  readonly bare: () => Promise<number>;
}

/** Interleaved rounds, the order swapped every time, after one unmeasured round of each. */
export const compare = async ({ name, unit, rounds = 5, ours, bare }: Comparison): Promise<Ratio> => {
  await bare();
  await ours();
  const pairs: { ours: number; bare: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) {
      const first = await bare();
      pairs.push({ bare: first, ours: await ours() });
    } else {
      const first = await ours();
      pairs.push({ ours: first, bare: await bare() });
    }
  }
  const ratios = pairs.map((pair) => pair.ours / pair.bare);
  return {
    name,
    ratio: rounded(median(ratios)),
    ours: rounded(median(pairs.map((pair) => pair.ours))),
    bare: rounded(median(pairs.map((pair) => pair.bare))),
    unit,
    rounds,
    spread: rounded(Math.max(...ratios) - Math.min(...ratios)),
  };
};

/** What was measured in each round beside the most that is allowed. */
export const against = (name: string, unit: string, allowed: number, measured: readonly number[]): Ratio => ({
  name,
  ratio: Number((median(measured) / allowed).toPrecision(4)),
  ours: Number(median(measured).toPrecision(4)),
  bare: allowed,
  unit,
  rounds: measured.length,
  spread: Number(((Math.max(...measured) - Math.min(...measured)) / allowed).toPrecision(4)),
});
