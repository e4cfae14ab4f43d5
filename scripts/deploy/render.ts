import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HELM } from '../setup/deploy-tools.mjs';
import { INSTALL, ROOT, runTool, templateArguments } from './programs.ts';
import { writeReadme } from './values-table.ts';

const HEAD = `# values-production.yaml of deploy/helm/codebay, rendered by \`npm run render\`: for GitOps, or \`kubectl apply -f\`. Don't edit; overlay it.
# It holds no Secret: a Job makes those that are absent, and deploy/README.md lists the ones that you make.
`;

/** What `deploy/kubernetes/install.yaml` has to be; with more arguments for Helm, what it would be for an operator who sets more. */
export const renderInstall = (...more: readonly string[]): string =>
  HEAD + runTool(HELM, templateArguments('values-production.yaml', '--skip-tests', '--set=gitops=true,namespace.create=true', ...more));

if (import.meta.main) {
  writeFileSync(join(ROOT, INSTALL), renderInstall());
  writeReadme();
}
