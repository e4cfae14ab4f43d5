import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Interrupted } from '../../../agent/agent.ts';
import type { Answer } from '../../support/scripted-model.ts';
import { type Bench, counting, countOf, withBench } from './agent-fixture.ts';

const shell = (command: string): Answer => ({ calls: [{ name: 'shell', arguments: { command } }] });

describe('limits', () => {
  test('steps', async () => {
    await withBench(
      (_request, turn) => shell(`echo ${turn}`),
      async (bench) => {
        const result = await bench.run({ limits: { time_seconds: 60, steps: 4, tokens: 1_000_000 } });
        expect(result).toMatchObject({ status: 'failed', reason: 'STEP_LIMIT', steps: 4 });
        expect(bench.model.requests).toHaveLength(4);
      },
    );
  });

  test('tokens, as the endpoint counts them', async () => {
    await withBench(
      (_request, turn) => ({ ...shell(`echo ${turn}`), usage: [900, 100] }),
      async (bench) => {
        const result = await bench.run({ limits: { time_seconds: 60, steps: 20, tokens: 2000 } });
        expect(result).toMatchObject({ reason: 'BUDGET_EXHAUSTED', steps: 2 });
      },
    );
  });

  test('tokens, estimated where the endpoint does not say', async () => {
    await withBench(
      (_request, turn) => ({ ...shell(`echo ${turn}`), usage: null }),
      async (bench) => {
        const result = await bench.run({ prompt: 'x'.repeat(40_000), limits: { time_seconds: 60, steps: 20, tokens: 15_000 } });
        expect(result).toMatchObject({ reason: 'BUDGET_EXHAUSTED', steps: 2 });
      },
    );
  });

  test('time, in the middle of a command', async () => {
    await withBench(
      () => shell('sleep 60; touch late'),
      async (bench) => {
        const result = await bench.run({ limits: { time_seconds: 1, steps: 20, tokens: 1_000_000 } });
        expect(result).toMatchObject({ status: 'failed', reason: 'TIMED_OUT' });
        expect(await bench.output('explanation.md')).toContain('took longer than it may');
      },
    );
  });
});

test('the same step again and again: one nudge, then AGENT_STUCK', async () => {
  await withBench(
    () => ({ calls: [counting] }),
    async (bench) => {
      expect(await bench.run()).toMatchObject({ reason: 'AGENT_STUCK' });
      expect(await countOf(bench)).toBe(6);
      const nudges = bench.model.requests.at(-1)?.body.messages.filter(({ content }) => content?.includes('three times in a row'));
      expect(nudges).toHaveLength(1);
    },
  );
});

test('steering messages reach the next turn once, also those that come with the last words', async () => {
  const messages = [{ seq: 1, id: 'a', text: 'Use tabs.' }];
  await withBench(
    (_request, turn) => {
      if (turn === 1) messages.push({ seq: 2, id: 'b', text: 'And a test.' });
      return turn === 0 ? { calls: [counting] } : { text: `answer ${turn}` };
    },
    async (bench) => {
      expect(await bench.run()).toMatchObject({ status: 'completed', steps: 3 });
      const users = bench.model.requests
        .at(-1)
        ?.body.messages.filter(({ role }) => role === 'user')
        .map(({ content }) => content);
      expect(users).toEqual([
        'Do the thing.',
        '[Message 1 from the user, sent while you work]\nUse tabs.',
        '[Message 2 from the user, sent while you work]\nAnd a test.',
      ]);
      expect(await bench.output('explanation.md')).toBe('answer 2\n');
    },
    () => messages,
  );
});

describe('AGENTS.md', () => {
  test('from the root down to the working folder, the override first; nested ones once, when their folder is entered', async () => {
    const read = (path: string): Answer => ({ calls: [{ name: 'read_file', arguments: { path } }] });
    await withBench(
      (_request, turn) => [read('deep/er/a.txt'), read('deep/er/a.txt')][turn] ?? { text: 'ok' },
      async (bench) => {
        await bench.write('AGENTS.md', 'root rules');
        await bench.write('app/AGENTS.md', 'not these');
        await bench.write('app/AGENTS.override.md', 'app rules');
        await bench.write('app/deep/er/AGENTS.md', 'deep rules');
        await bench.write('app/deep/er/a.txt', 'hello');
        await bench.run({ working_folder: join(bench.code, 'app') });
        const shown = bench.model.requests.map(({ body }) =>
          body.messages.filter(({ content }) => content?.startsWith('# AGENTS.md')).map(({ content }) => content),
        );
        const header = (folder: string, rules: string): string =>
          `# AGENTS.md instructions for ${folder}\n\n<INSTRUCTIONS>\n${rules}\n</INSTRUCTIONS>`;
        expect(shown[0]).toEqual([header('.', 'root rules'), header('app', 'app rules')]);
        expect(shown[1]).toEqual([...(shown[0] ?? []), header('app/deep/er', 'deep rules')]);
        expect(shown[2]).toEqual(shown[1]);
      },
    );
  });

  test('32 KiB in all, and nothing through a link that leaves the code', async () => {
    await withBench(
      () => ({ text: 'ok' }),
      async (bench) => {
        await bench.write('AGENTS.md', 'é'.repeat(20_000));
        await bench.write('app/AGENTS.md', 'too late');
        await bench.run({ working_folder: join(bench.code, 'app') });
        const shown = bench.model.requests[0]?.body.messages.filter(({ content }) => content?.startsWith('# AGENTS.md')) ?? [];
        expect(shown).toHaveLength(1);
        expect(shown[0]?.content?.match(/é/g)).toHaveLength(16 * 1024);
      },
    );
  });
});

describe('resume', () => {
  const resumeFrom = async (bench: Bench, raw: string): Promise<string> => {
    const file = join(bench.task.output, 'request.json');
    await writeFile(file, raw);
    return file;
  };

  test('the first request has the same bytes; its calls are marked; steps and steering go on', async () => {
    const messages = [{ seq: 1, id: 'a', text: 'Hurry.' }];
    await withBench(
      (_request, turn) => (turn === 0 || turn === 1 || turn === 2 ? { calls: [counting] } : { text: 'done' }),
      async (bench) => {
        await bench.write('AGENTS.md', 'rules');
        await bench.run({ limits: { time_seconds: 60, steps: 2, tokens: 1_000_000 } });
        const last = bench.model.requests[1]?.raw ?? '';
        const result = await bench.run({ resume_from: await resumeFrom(bench, last) });
        expect(result).toMatchObject({ status: 'completed', steps: 3 });
        expect(bench.model.requests[2]?.raw).toBe(last);
        const after = bench.model.requests[3]?.body.messages ?? [];
        expect(after.at(-1)?.content).toMatch(
          /^\[This run was interrupted and resumed from a checkpoint; this command may have run once before\.\]\nexit code 0/,
        );
        expect(after.filter(({ content }) => content?.includes('Hurry.'))).toHaveLength(1);
        expect(after.filter(({ content }) => content?.includes('AGENTS.md instructions for'))).toHaveLength(1);
      },
      () => messages,
    );
  });

  test('a checkpoint that cannot be read fails the run with a reason', async () => {
    await withBench(
      () => ({ text: 'done' }),
      async (bench) => {
        expect(await bench.run({ resume_from: await resumeFrom(bench, '{"messages": 1}') })).toMatchObject({ reason: 'AGENT_FAILED' });
        expect(bench.model.requests).toHaveLength(0);
      },
    );
  });
});

test('two runs of the same task send the same bytes', async () => {
  await withBench(
    (_request, turn) =>
      turn % 2 === 0 ? { calls: [{ name: 'search', id: 'call_x', arguments: { pattern: 'needle' } }] } : { text: 'done' },
    async (bench) => {
      await bench.write('a.txt', 'a needle\n');
      await bench.run();
      await bench.run();
      const [first, second, third, fourth] = bench.model.requests.map(({ raw }) => raw);
      expect([third, fourth]).toEqual([first, second]);
      expect(second).toContain('a.txt:1:a needle');
    },
  );
});

test('an interruption writes the outputs and gives no failure reason', async () => {
  const stop = new AbortController();
  await withBench(
    (_request, turn) => {
      if (turn === 1) stop.abort(new Interrupted('told to'));
      return turn === 0 ? { text: 'Looking.', calls: [counting] } : { kind: 'silence' };
    },
    async (bench) => {
      expect(await bench.run({}, stop.signal)).toEqual({ status: 'failed', reason: null, detail: 'told to', steps: 1 });
      expect(await bench.output('llm_response.txt')).toBe('Looking.');
    },
  );
});

describe('the program', () => {
  const start = async (bench: Bench) => {
    const file = join(bench.task.output, 'task.json');
    await writeFile(file, JSON.stringify(bench.task));
    const env = { PATH: process.env.PATH, OPENAI_BASE_URL: bench.model.url, OPENAI_API_KEY: 'placeholder' };
    return spawn(process.execPath, ['agent/main.ts', '--task', file], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  };
  const textOf = async (stream: NodeJS.ReadableStream): Promise<string> => {
    let text = '';
    for await (const chunk of stream) text += String(chunk);
    return text;
  };

  test('exits 0 when the task is completed and prints a readable log; commands do not see the endpoint', async () => {
    await withBench(
      (_request, turn) =>
        turn === 0 ? { text: 'I look.', calls: [{ name: 'shell', arguments: { command: 'env | grep -c OPENAI_' } }] } : { text: 'Seen.' },
      async (bench) => {
        const child = await start(bench);
        const [log, errors, [code]] = await Promise.all([textOf(child.stdout), textOf(child.stderr), once(child, 'exit')]);
        expect({ code, errors }).toEqual({ code: 0, errors: '' });
        expect(log).toMatch(
          /step 1 of at most 20\nI look\.\n> \$ env \| grep -c OPENAI_\n {4}exit code 1 \(\d+\.\d s\)\n {4}0\n[\s\S]*Seen\./,
        );
      },
    );
  });

  test('SIGTERM ends the command and the program, outputs written, exit 1', async () => {
    await withBench(
      (_request, turn) => (turn === 0 ? shell('mkfifo started') : shell('echo $$ > started; sleep 300')),
      async (bench) => {
        const child = await start(bench);
        const exited = once(child, 'exit');
        await new Promise<void>((resolve) => {
          child.stdout.on('data', (chunk: Buffer) => {
            if (chunk.includes('step 2')) resolve();
          });
        });
        const pid = Number(await bench.read('started'));
        child.kill('SIGTERM');
        expect((await exited)[0]).toBe(1);
        expect(JSON.parse(await readFile(join(bench.task.output, 'result.json'), 'utf8'))).toMatchObject({
          status: 'failed',
          reason: null,
        });
        const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '1 (gone) X ');
        expect(stat).toMatch(/\) [ZX] /);
      },
    );
  });
});
