import { readFileSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { applyRules, RUNS_NAMESPACE, SERVICE_NAMESPACE } from '../../support/install-manifest.ts';
import { type Kubectl, kubectlWith, mustSay } from '../../support/kubectl.ts';
import { type Cluster, startCluster } from '../cluster.ts';

const GOLDEN = join(import.meta.dirname, 'rbac.golden.json');
const ACCOUNTS = ['codebay-api', 'codebay-gateway', 'codebay-worker', 'codebay-ingest', 'codebay-hooks'] as const;
const NAMESPACES = [SERVICE_NAMESPACE, RUNS_NAMESPACE, 'default', 'kube-system'] as const;

let cluster: Cluster;
let kubectl: Kubectl;
beforeAll(async () => {
  cluster = await startCluster();
  kubectl = kubectlWith(cluster.kubeconfig);
  await applyRules(kubectl);
}, 180_000);
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
}, 60_000);

interface Rule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
}

const linesOf = (rules: readonly Rule[]): string[] =>
  rules
    .flatMap(({ verbs, apiGroups = [], resources = [], resourceNames = [] }) =>
      apiGroups.flatMap((group) =>
        resources.map((resource) => {
          const names = resourceNames.length === 0 ? '' : ` only ${[...resourceNames].sort().join(', ')}`;
          return `${group === '' ? '' : `${group}/`}${resource}: ${[...verbs].sort().join(', ')}${names}`;
        }),
      ),
    )
    .sort();

/** The API server's own word on what an account may do in a namespace. */
const mayDo = async (account: string, namespace: string): Promise<string[]> => {
  const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace } };
  const as = `--as=system:serviceaccount:${SERVICE_NAMESPACE}:${account}`;
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${SERVICE_NAMESPACE}`, 'system:authenticated'].map(
    (one) => `--as-group=${one}`,
  );
  const { status } = JSON.parse(
    await mustSay(kubectl(['create', '--validate=false', '-o', 'json', '-f', '-', as, ...groups], JSON.stringify(review))),
  );
  return linesOf(status.resourceRules);
};

test('what each service account may do is what the golden file says', async () => {
  const found = Object.fromEntries(
    await Promise.all(
      ACCOUNTS.map(async (account) => [
        account,
        Object.fromEntries(await Promise.all(NAMESPACES.map(async (namespace) => [namespace, await mayDo(account, namespace)]))),
      ]),
    ),
  );
  if (process.env.CODEBAY_WRITE_GOLDEN === '1') writeFileSync(GOLDEN, `${JSON.stringify(found, null, 2)}\n`);
  expect(found).toEqual(JSON.parse(readFileSync(GOLDEN, 'utf8')));
});

/** kubectl with a token of that account and with no other credential. */
const as = async (account: string): Promise<Kubectl> => {
  const token = await mustSay(kubectl(['create', 'token', account, '-n', SERVICE_NAMESPACE]));
  const config = JSON.parse(await mustSay(kubectl(['config', 'view', '--raw', '-o', 'json'])));
  const file = join(cluster.folder, `${account}.kubeconfig`);
  const name = config.contexts[0].context.user;
  await writeFile(file, JSON.stringify({ ...config, users: [{ name, user: { token: token.trim() } }] }), { mode: 0o600 });
  expect(await readFile(file, 'utf8')).not.toContain('client-key');
  return kubectlWith(file);
};

const attempt = async (who: Kubectl, [verb = '', path = '']: readonly string[]): Promise<string> => {
  const flags = verb === 'create' ? ['-f', '-'] : [];
  const { ok, stderr } = await who([verb, '--raw', path, ...flags], '{}');
  if (ok) return 'done';
  return /\((\w+)\)/.exec(stderr)?.[1] ?? stderr;
};

const RUNS = `/api/v1/namespaces/${RUNS_NAMESPACE}`;
const OWN = `/api/v1/namespaces/${SERVICE_NAMESPACE}`;
const ROLES = `/apis/rbac.authorization.k8s.io/v1`;

const tryAll = async (account: string, attempts: readonly string[]): Promise<Record<string, string>> => {
  const who = await as(account);
  return Object.fromEntries(await Promise.all(attempts.map(async (one) => [one, await attempt(who, one.split(' '))] as const)));
};

const all = (attempts: readonly string[], outcome: string) => Object.fromEntries(attempts.map((one) => [one, outcome]));

test('the worker does its work in the namespace of runs', async () => {
  const allowed = [`get ${RUNS}/pods`, `get ${RUNS}/events`, `get /apis/batch/v1/namespaces/${RUNS_NAMESPACE}/jobs`];
  expect(await tryAll('codebay-worker', allowed)).toEqual(all(allowed, 'done'));
});

test('the worker does nothing else, there or elsewhere', async () => {
  const denied = [
    // Secrets of runs: made and removed, never read.
    `get ${RUNS}/secrets`,
    `get ${RUNS}/secrets/task-1-a1-order`,
    // Into a run.
    `create ${RUNS}/pods/task-1-a1/exec?command=id&stdout=true`,
    `create ${RUNS}/pods/task-1-a1/attach`,
    `create ${RUNS}/pods/task-1-a1/portforward`,
    `create ${RUNS}/pods`,
    `delete ${RUNS}/pods/task-1-a1`,
    `create ${RUNS}/pods/task-1-a1/eviction`,
    // More than it has: escalate, bind, other identities.
    `create ${ROLES}/namespaces/${RUNS_NAMESPACE}/roles`,
    `create ${ROLES}/namespaces/${RUNS_NAMESPACE}/rolebindings`,
    `create ${ROLES}/clusterroles`,
    `create ${ROLES}/clusterrolebindings`,
    `create ${RUNS}/serviceaccounts/default/token`,
    `create ${RUNS}/serviceaccounts`,
    // Other namespaces, the cluster.
    `get ${OWN}/secrets`,
    `get ${OWN}/secrets/codebay-station`,
    `get ${OWN}/pods`,
    `create /apis/batch/v1/namespaces/${SERVICE_NAMESPACE}/jobs`,
    `create /apis/batch/v1/namespaces/default/jobs`,
    'get /api/v1/namespaces/kube-system/secrets',
    'get /api/v1/pods',
    'get /api/v1/nodes',
    'get /api/v1/namespaces',
    `get /apis/networking.k8s.io/v1/namespaces/${RUNS_NAMESPACE}/networkpolicies`,
    'get /apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies',
  ];
  expect(await tryAll('codebay-worker', denied)).toEqual(all(denied, 'Forbidden'));
});

test.each(['codebay-api', 'codebay-gateway', 'codebay-ingest'])('%s does nothing at all', async (account) => {
  const denied = [
    `get ${RUNS}/pods`,
    `get ${OWN}/secrets`,
    `get ${OWN}/secrets/codebay-station`,
    `get ${OWN}/configmaps`,
    `create ${RUNS}/secrets`,
  ];
  expect(await tryAll(account, denied)).toEqual(all(denied, 'Forbidden'));
});

test('hooks see their own Secrets by name and no other', async () => {
  expect(
    await tryAll('codebay-hooks', [
      `get ${OWN}/secrets/codebay-station`,
      `get ${OWN}/secrets/codebay-model`,
      `get ${OWN}/secrets`,
      `delete ${OWN}/secrets/codebay-station`,
      `create ${RUNS}/secrets`,
    ]),
  ).toEqual({
    [`get ${OWN}/secrets/codebay-station`]: 'NotFound',
    [`get ${OWN}/secrets/codebay-model`]: 'Forbidden',
    [`get ${OWN}/secrets`]: 'Forbidden',
    [`delete ${OWN}/secrets/codebay-station`]: 'Forbidden',
    [`create ${RUNS}/secrets`]: 'Forbidden',
  });
});
