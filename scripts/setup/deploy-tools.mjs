import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { lastLines, run } from './command.mjs';
import { goTool } from './go-tool.mjs';
import { SetupError } from './setup-error.mjs';
import { cacheFolder } from './temporal-cli.mjs';

export const HELM = { name: 'helm', version: 'v3.22.0', package: 'helm.sh/helm/v3/cmd/helm' };
export const KUBECONFORM = { name: 'kubeconform', version: 'v0.8.0', package: 'github.com/yannh/kubeconform/cmd/kubeconform' };
export const KUBE_SCORE = { name: 'kube-score', version: 'v1.20.0', package: 'github.com/zegl/kube-score/cmd/kube-score' };

/** Of the schemas, and what charts are rendered for. */
export const KUBERNETES_VERSION = '1.34.1';

const packageFolder = (env = process.env) => join(cacheFolder(env), `kubernetes-validate-${KUBERNETES_VERSION}`);

/** Where the schemas of Kubernetes' objects are kept between clones. */
export const kubernetesSchemas = (env = process.env) =>
  join(packageFolder(env), `kubernetes_validate/kubernetes-json-schema/v${KUBERNETES_VERSION.replace(/\d+$/, '0')}-local-strict`);

/** The schemas of Kubernetes' objects, from PyPI's kubernetes-validate, so that manifests are checked without a network. */
export const schemas = () => ({
  title: `schemas of Kubernetes ${KUBERNETES_VERSION}`,
  isDone: async () => existsSync(kubernetesSchemas()),
  install: async () => {
    const target = packageFolder();
    const draft = `${target}.${process.pid}.draft`;
    const wanted = `kubernetes-validate==${KUBERNETES_VERSION}`;
    const quiet = ['--quiet', '--retries=2', '--no-input', '--no-deps', '--disable-pip-version-check', '--break-system-packages'];
    try {
      const result = await run('python3', ['-m', 'pip', 'install', ...quiet, '--root-user-action=ignore', '--target', draft, wanted]);
      if (result.code !== 0) throw new SetupError(`pip could not install ${wanted}:\n${lastLines(result.output, 4)}`);
      try {
        renameSync(draft, target);
      } catch (error) {
        // Another clone's set-up put the same version there first.
        if (!existsSync(kubernetesSchemas())) throw error;
      }
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  },
});

/** What checks what ships to a cluster. One after the other: each Go build takes all cores. */
export const deployTools = () => [goTool(HELM), goTool(KUBECONFORM), goTool(KUBE_SCORE), schemas()];
