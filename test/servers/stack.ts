/*
 * `npm run stack`: the production profile on one machine, for people to try. Two replicas of the API behind nginx, two workers, and
 * the servers they stand on, all on free ports of loopback and with fresh data; Ctrl-C stops them one after the other.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openStack } from './stack/open-stack.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A terminal's Ctrl-C reaches every process of the foreground: the servers stand in a session of their own, so that they end in order. */
const inOwnSession = async (): Promise<void> => {
  const child = spawn(process.execPath, [import.meta.filename, 'inside'], { detached: true, stdio: ['ignore', 'inherit', 'inherit'] });
  for (const signal of SIGNALS) process.on(signal, () => child.kill('SIGTERM'));
  const [code] = await once(child, 'exit');
  process.exitCode = code ?? 1;
};

const inside = async (): Promise<void> => {
  const asked = new Promise<void>((resolve) => {
    for (const signal of SIGNALS) process.on(signal, () => resolve());
  });
  const say = (line: string) => process.stdout.write(`${line}\n`);
  await using stack = await openStack(process.env, say);
  say(`
● Codebay's production profile is up
  API            ${stack.url}  (docs at ${stack.url}/docs)
  API key        ${stack.apiKey}
  Temporal UI    ${stack.temporalUi}
  Data, logs     ${stack.folder}  (removed at the end)
${stack.backends.map(({ name, url }) => `  ${name.padEnd(14)} ${url}`).join('\n')}

  A first task:  CODEBAY_URL=${stack.url} CODEBAY_API_KEY=${stack.apiKey} npx codebay run --dir . "Explain what this project does"
  Ctrl-C stops everything.`);
  await asked;
  say('Stopping: workers, nginx, replicas, then the servers.');
};

await (process.argv[2] === 'inside' ? inside() : inOwnSession());
