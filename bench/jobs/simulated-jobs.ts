import type { ClusterConnection } from '../../platform/kubernetes/connection.ts';
import { LABELS, MANAGED_BY } from '../../platform/kubernetes/labels.ts';

/** A controller that doesn't exist: Jobs of its and pods of its scheduler stay as they are made, but for what a test writes into their status. */
const NOBODY = 'bench.codebay.dev/nobody';

const securityContext = {
  runAsUser: 10_001,
  runAsNonRoot: true,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
};
const container = (name: string) => ({ name, image: 'bench.test/none:1', securityContext });

/** Jobs and pods as the API server keeps and tells them, without a node to run them: two cores don't hold hundreds of pods. */
export const createSimulatedJobs = (cluster: ClusterConnection, namespace: string, installation: string) => {
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  const labelsOf = (runId: string) => ({ [LABELS.managedBy]: MANAGED_BY, [LABELS.installation]: installation, [LABELS.run]: runId });
  // The labels as well: a write of the status replaces them.
  const status = (runId: string, body: object) =>
    cluster.request('PUT', `${pods}/${runId}/status`, { body: { metadata: { name: runId, namespace, labels: labelsOf(runId) }, ...body } });
  return {
    async make(runId: string): Promise<void> {
      const labels = labelsOf(runId);
      const spec = {
        restartPolicy: 'Never',
        schedulerName: NOBODY,
        containers: [container('sidecar'), container('agent'), container('tools')],
      };
      const metadata = { name: runId, namespace, labels };
      await cluster.request('POST', `/apis/batch/v1/namespaces/${namespace}/jobs`, {
        body: { metadata, spec: { managedBy: NOBODY, template: { metadata: { labels }, spec } } },
      });
      await cluster.request('POST', pods, { body: { metadata, spec } });
    },
    /** As a kubelet tells that the sidecar has ended well while the other parts still run. */
    async end(runId: string): Promise<void> {
      const at = new Date().toISOString();
      const common = { ready: false, restartCount: 0, image: 'bench.test/none:1', imageID: '' };
      await status(runId, {
        status: {
          phase: 'Running',
          containerStatuses: [
            { name: 'sidecar', ...common, state: { terminated: { exitCode: 0, reason: 'Completed', startedAt: at, finishedAt: at } } },
            { name: 'agent', ...common, state: { running: { startedAt: at } } },
            { name: 'tools', ...common, state: { running: { startedAt: at } } },
          ],
        },
      });
    },
  };
};
