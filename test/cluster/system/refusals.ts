import { AdmissionregistrationV1Api, ApiException, BatchV1Api, CoreV1Api } from '@kubernetes/client-node';
import { until } from '../../support/until.ts';
import { type Deployed, RELEASE } from './deployed.ts';
import { eachInSystem } from './in-system.ts';
import { DONE } from './stops.ts';
import { inTurns, runTask, untilNothingLeft } from './tasks.ts';

/** A rule of the cluster's that keeps runs from starting, until it is disposed of. */
type Rule = (system: Deployed) => Promise<AsyncDisposable>;

/** Leaves room for none of a resource. */
const quotaOf =
  (resource: string): Rule =>
  async ({ config, runs: { namespace } }) => {
    const core = config.makeApiClient(CoreV1Api);
    const quota = { namespace, name: `${RELEASE}-runs` };
    const limitTo = async (count: string): Promise<string | undefined> => {
      const { metadata, spec } = await core.readNamespacedResourceQuota(quota);
      const body = { metadata: metadata ?? {}, spec: { ...spec, hard: { ...spec?.hard, [resource]: count } } };
      await core.replaceNamespacedResourceQuota({ ...quota, body });
      await until('the quota is in force', async () => (await core.readNamespacedResourceQuota(quota)).status?.hard?.[resource] === count);
      return spec?.hard?.[resource];
    };
    const before = (await limitTo('0')) ?? '';
    return { [Symbol.asyncDispose]: async () => void (await limitTo(before)) };
  };

const AUDIT = 'nothing starts during the audit';
/** Where the administrator tries the policy as well; nothing of Codebay is there. */
const ELSEWHERE = 'default';

const DRAFTS: Readonly<Record<'pods' | 'jobs', (system: Deployed) => Promise<unknown>>> = {
  pods: ({ config }) => {
    const body = { metadata: { name: 'draft' }, spec: { containers: [{ name: 'draft', image: 'none' }] } };
    return config.makeApiClient(CoreV1Api).createNamespacedPod({ namespace: ELSEWHERE, body, dryRun: 'All' });
  },
  jobs: ({ config }) => {
    const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'draft', image: 'none' }] } };
    const body = { metadata: { name: 'draft' }, spec: { template } };
    return config.makeApiClient(BatchV1Api).createNamespacedJob({ namespace: ELSEWHERE, body, dryRun: 'All' });
  },
};

/** An admission policy that admits none of a resource. */
const policyOn =
  (resource: keyof typeof DRAFTS): Rule =>
  async (system) => {
    const api = system.config.makeApiClient(AdmissionregistrationV1Api);
    const name = `audit-${resource}`;
    const isRefused = (): Promise<boolean> =>
      DRAFTS[resource](system).then(
        () => false,
        (error: unknown) => {
          if (error instanceof ApiException && JSON.stringify(error.body).includes(AUDIT)) return true;
          throw error;
        },
      );
    const rule = { apiGroups: [resource === 'jobs' ? 'batch' : ''], apiVersions: ['v1'], operations: ['CREATE'], resources: [resource] };
    const values = [system.runs.namespace, ELSEWHERE];
    await api.createValidatingAdmissionPolicy({
      body: {
        metadata: { name },
        spec: { matchConstraints: { resourceRules: [rule] }, validations: [{ expression: 'false', message: AUDIT }] },
      },
    });
    await api.createValidatingAdmissionPolicyBinding({
      body: {
        metadata: { name },
        spec: {
          policyName: name,
          validationActions: ['Deny'],
          matchResources: { namespaceSelector: { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values }] } },
        },
      },
    });
    await until('the policy is in force', isRefused);
    return {
      [Symbol.asyncDispose]: async () => {
        await api.deleteValidatingAdmissionPolicyBinding({ name });
        await api.deleteValidatingAdmissionPolicy({ name });
        await until('the policy is no longer in force', async () => !(await isRefused()));
      },
    };
  };

const REFUSALS: Readonly<Record<string, { readonly begin: Rule; readonly sentence: string }>> = {
  'whose pod is over a quota': { begin: quotaOf('pods'), sentence: `exceeded quota: ${RELEASE}-runs` },
  'whose pod an admission policy refuses': { begin: policyOn('pods'), sentence: AUDIT },
  'whose Job is over a quota': { begin: quotaOf('count/jobs.batch'), sentence: `exceeded quota: ${RELEASE}-runs` },
  'whose Job an admission policy refuses': { begin: policyOn('jobs'), sentence: AUDIT },
};

export const refusals = (): void =>
  eachInSystem(
    REFUSALS,
    (whose) => `a task ${whose} ends as RUN_REFUSED with the sentence of the cluster`,
    async (system, { begin, sentence }) => {
      await using _ = await begin(system);
      const task = await runTask(system, inTurns(DONE));
      expect(task).toMatchObject({
        status: 'FAILED',
        failure: { reason: 'RUN_REFUSED', detail: expect.stringContaining(sentence) },
        runs: [{ epoch: 1, outcome: null }],
      });
      await untilNothingLeft(system, task.id);
    },
  );
