import { runTool, templateArguments } from '../../../scripts/deploy/programs.ts';
import { HELM } from '../../../scripts/setup/deploy-tools.mjs';
import { installManifest, manifestsOf, RUNS_NAMESPACE, SERVICE_NAMESPACE } from '../../support/install-manifest.ts';
import { type Kubectl, kubectlWith, mustSay } from '../../support/kubectl.ts';
import { type Cluster, startCluster } from '../cluster.ts';

let cluster: Cluster;
let kubectl: Kubectl;
beforeAll(async () => {
  cluster = await startCluster();
  kubectl = kubectlWith(cluster.kubeconfig);
  for (const name of [SERVICE_NAMESPACE, RUNS_NAMESPACE]) {
    await mustSay(kubectl(['create', 'namespace', name]));
    await mustSay(
      kubectl(['label', 'namespace', name, 'pod-security.kubernetes.io/enforce=restricted', 'pod-security.kubernetes.io/warn=restricted']),
    );
  }
}, 120_000);
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
}, 60_000);

const dryRun = (manifests: string) => kubectl(['apply', '--dry-run=server', '--validate=strict', '-f', '-'], manifests);

const MANIFESTS: readonly (readonly [string, () => string])[] = [
  ['install.yaml', installManifest],
  ['values-production.yaml', () => runTool(HELM, templateArguments('values-production.yaml'))],
  ['values-evaluation.yaml', () => runTool(HELM, templateArguments('values-evaluation.yaml', '--set=model.apiKey=none'))],
];

test.each(MANIFESTS)(
  'the API server takes every object of %s, strictly, and PodSecurity has nothing to say',
  async (_, manifests) => {
    const text = manifests();
    const { stdout, stderr, ok } = await dryRun(text);
    // Namespaces made above are taken over by `apply`, which says so.
    expect({ ok, complaints: stderr.split('\n').filter((line) => line !== '' && !line.includes('last-applied-configuration')) }).toEqual({
      ok: true,
      complaints: [],
    });
    expect(stdout.split('\n')).toHaveLength(manifestsOf(text).length);
  },
  120_000,
);

test('the same check sees what is wrong: an unknown field, and a pod that PodSecurity would refuse', async () => {
  const deployment = manifestsOf(installManifest()).find((one) => /^kind: Deployment$/m.test(one)) ?? '';
  const misspelt = await dryRun(deployment.replace('revisionHistoryLimit:', 'revisionHistoryLimits:'));
  expect(misspelt).toMatchObject({ ok: false, stderr: expect.stringContaining('unknown field "spec.revisionHistoryLimits"') });
  const writable = await dryRun(deployment.replaceAll('allowPrivilegeEscalation: false', 'allowPrivilegeEscalation: true'));
  expect(writable.stderr).toContain('would violate PodSecurity "restricted');
});
