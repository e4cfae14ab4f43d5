import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HELM, KUBECONFORM, KUBERNETES_VERSION } from '../setup/deploy-tools.mjs';
import { CHART, DeployError, INSTALL, ROOT, runTool, templateArguments, VALUES } from './programs.ts';
import { renderInstall } from './render.ts';
import { writeSchemas } from './schemas.ts';
import { checkScore } from './score.ts';
import { readmeWithValues } from './values-table.ts';

const cache = join(ROOT, 'node_modules/.cache/codebay/check-deploy');
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Of everything that decides the outcome. */
const fingerprint = (): string => {
  const hash = createHash('sha256').update(readFileSync(join(ROOT, 'deploy/README.md')));
  for (const folder of [CHART, 'deploy/kubernetes', 'scripts/deploy', 'scripts/setup'])
    for (const file of readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).sort()) {
      const path = join(ROOT, folder, file);
      if (statSync(path).isFile()) hash.update(`${folder}/${file}\0`).update(readFileSync(path));
    }
  return hash.digest('hex');
};

const lint = (): void => {
  for (const values of VALUES)
    runTool(HELM, ['lint', CHART, '--strict', `--kube-version=${KUBERNETES_VERSION}`, `--values=${CHART}/${values}`]);
};

const compareInstall = (): void => {
  if (readFileSync(join(ROOT, INSTALL), 'utf8') !== renderInstall())
    throw new DeployError(`${INSTALL} is not what the chart renders: run \`npm run render\` and commit it.`);
  if (readFileSync(join(ROOT, 'deploy/README.md'), 'utf8') !== readmeWithValues())
    throw new DeployError('The table of values in deploy/README.md is not what values.yaml says: run `npm run render` and commit it.');
};

const rendered = (): readonly string[] => [
  ...VALUES.map((values) => runTool(HELM, templateArguments(values, '--set=model.apiKey=none'))),
  readFileSync(join(ROOT, INSTALL), 'utf8'),
];

const conform = (manifests: readonly string[]): void => {
  const location = writeSchemas(manifests.join('\n---\n'), join(cache, 'schemas'));
  for (const input of manifests) runTool(KUBECONFORM, ['-strict', '-summary', '-schema-location', location, '-'], { input });
};

const stamp = join(cache, 'passed');
const isPassed = (hash: string): boolean => {
  try {
    return readFileSync(stamp, 'utf8') === hash;
  } catch {
    return false;
  }
};

const hash = fingerprint();
if (isPassed(hash)) {
  say('The chart has not changed since it passed.');
} else {
  try {
    mkdirSync(cache, { recursive: true });
    lint();
    compareInstall();
    const manifests = rendered();
    conform(manifests);
    checkScore(manifests);
    writeFileSync(stamp, hash);
    say(`helm lint, ${INSTALL}, kubeconform (strict, ${KUBERNETES_VERSION}), kube-score: nothing found`);
  } catch (error) {
    if (!(error instanceof DeployError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
