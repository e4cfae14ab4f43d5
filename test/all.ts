import { setPriority } from 'node:os';
import { execa, type Result } from 'execa';

/** `npm test`: the kinds of tests, in this order; `npm test -- unit cluster`: these. */
const KINDS = ['unit', 'integration', 'e2e', 'e2e:production', 'faults', 'cluster', 'docker'];
/** What these stand on takes minutes to make: Kubernetes is compiled, images are built. */
const PREPARED = ['cluster', 'docker'];
const LOWEST_PRIORITY = 19;

const asked = process.argv.slice(2);
const unknown = asked.filter((kind) => !KINDS.includes(kind));
if (unknown.length > 0) {
  process.stderr.write(`test: there is no test:${unknown[0]}; there are ${KINDS.join(', ')}\n`);
  process.exit(2);
}
const kinds = asked.length > 0 ? asked : KINDS;
const began = Date.now();
const say = (line: string): boolean => process.stderr.write(`test: ${((Date.now() - began) / 60_000).toFixed(1)} min: ${line}\n`);

/** With the time that earlier tests leave, which mostly wait. */
const prepareBeside = (): Promise<Result> => {
  const preparing = execa('npm', ['run', '--silent', 'prepare:cluster'], { detached: true, stdin: 'ignore', all: true, reject: false });
  const { pid } = preparing;
  if (pid === undefined) return preparing;
  setPriority(pid, LOWEST_PRIORITY);
  let ended = false;
  void preparing.then(() => {
    ended = true;
  });
  process.once('exit', () => ended || process.kill(-pid));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  return preparing;
};

let prepared = kinds.some((kind) => PREPARED.includes(kind)) ? prepareBeside() : null;
for (const kind of kinds) {
  if (prepared !== null && PREPARED.includes(kind)) {
    say('what a cluster needs');
    process.stderr.write(`${(await prepared).all}\n`);
    prepared = null;
  }
  say(`npm run test:${kind}`);
  const { failed } = await execa('npm', ['run', '--silent', `test:${kind}`], { stdio: 'inherit', reject: false });
  if (failed) process.exit(1);
}
say('all passed');
