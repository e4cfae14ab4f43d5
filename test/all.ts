import { setPriority } from 'node:os';
import { execa, type Result } from 'execa';

/** `npm test`: the kinds of tests, in this order. */
const KINDS = ['unit', 'integration', 'e2e', 'e2e:production', 'faults', 'cluster'];
const LOWEST_PRIORITY = 19;

const began = Date.now();
const say = (line: string): boolean => process.stderr.write(`test: ${((Date.now() - began) / 60_000).toFixed(1)} min: ${line}\n`);

/** Makes what the cluster's tests stand on with the time that earlier tests leave, which mostly wait: Kubernetes is compiled, images are built. */
const makeClusterBeside = (): Promise<Result> => {
  const options = { detached: true, stdin: 'ignore', all: true, reject: false } as const;
  const making = execa('npm', ['run', '--silent', 'prepare:cluster'], options);
  const { pid } = making;
  if (pid === undefined) return making;
  setPriority(pid, LOWEST_PRIORITY);
  let ended = false;
  void making.then(() => {
    ended = true;
  });
  process.once('exit', () => ended || process.kill(-pid));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  return making;
};

const making = makeClusterBeside();
for (const kind of KINDS) {
  if (kind === 'cluster') {
    say('what a cluster needs');
    process.stderr.write(`${(await making).all}\n`);
  }
  say(`npm run test:${kind}`);
  const { failed } = await execa('npm', ['run', '--silent', `test:${kind}`], { stdio: 'inherit', reject: false });
  if (failed) process.exit(1);
}
say('all passed');
