import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Kubectl, mustSay } from './kubectl.ts';

export const SERVICE_NAMESPACE = 'codebay';
export const RUNS_NAMESPACE = 'codebay-runs';

const INSTALL = join(import.meta.dirname, '../../deploy/kubernetes/install.yaml');

/** What is in a file of manifests, one by one. */
export const manifestsOf = (text: string): readonly string[] => text.split(/^---$/m).filter((one) => /^kind: /m.test(one));

export const installManifest = (): string => readFileSync(INSTALL, 'utf8');

const kindOf = (manifest: string): string => /^kind: (\S+)$/m.exec(manifest)?.[1] ?? '';

/** Those of install.yaml that say what may be done, not what runs. */
const RULES = [
  'ConfigMap',
  'LimitRange',
  'NetworkPolicy',
  'PriorityClass',
  'ResourceQuota',
  'Role',
  'RoleBinding',
  'ServiceAccount',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
];

/** Puts the namespaces of install.yaml, or of one like it, and the rules in them into a cluster, without anything that runs. */
export const applyRules = async (kubectl: Kubectl, manifest = installManifest()): Promise<void> => {
  const all = manifestsOf(manifest);
  const apply = (kinds: readonly string[]) =>
    mustSay(kubectl(['apply', '-f', '-'], all.filter((manifest) => kinds.includes(kindOf(manifest))).join('---\n')));
  await apply(['Namespace']);
  await apply(RULES);
};
