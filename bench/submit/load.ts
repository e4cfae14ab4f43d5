/** What the benchmark asks of this process. */
export interface SubmitLoad {
  readonly url: string;
  readonly apiKey: string;
  readonly tasks: number;
  readonly atOnce: number;
}

const run = async ({ url, apiKey, tasks, atOnce }: SubmitLoad): Promise<number> => {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` };
  let left = tasks;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (left > 0) {
        left -= 1;
        const body = JSON.stringify({
          source: { type: 'git', url: 'https://example.com/a/b.git' },
          prompt: `Mend the failing test ${left}`,
        });
        const response = await fetch(url, { method: 'POST', headers, body });
        await response.arrayBuffer();
        if (response.status !== 202) throw new Error(`the answer was ${response.status}`);
      }
    }),
  );
  return tasks / ((performance.now() - startedAt) / 1000);
};

/** A process of its own, so that the load's work is in neither peer's figure. Answers each order with the tasks a second. */
process.on('message', async (load: SubmitLoad) => process.send?.(await run(load)));
