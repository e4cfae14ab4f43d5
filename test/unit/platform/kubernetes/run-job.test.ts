import { jobOf, secretNameOf, secretOf } from '../../../../platform/kubernetes/run-job.ts';
import type { PodTemplate } from '../../../../platform/kubernetes/run-pod.ts';
import { executorOf, POD_GID, POD_MOUNTS, POD_UIDS, POD_VOLUMES } from '../../../../platform/pod/layout.ts';
import { SYSTEM_PATH } from '../../../../platform/system-path.ts';
import type { RunOrder } from '../../../../tasks/run.ts';

const MiB = 1024 * 1024;
const order: RunOrder = {
  runId: 'mend--a2',
  gatewayUrl: 'http://gateway.station.svc:8421',
  identity: 'cbr_secret-identity',
  limits: { timeMs: 3_600_000, setupTimeMs: 900_000, memoryBytes: 4096 * MiB, processes: 512, diskBytes: 10_240 * MiB, logBytes: 64 * MiB },
};
const template: PodTemplate = {
  images: { sidecar: 'station:1', agent: 'agent:1' },
  shares: { cpuRequest: 0.25, cpuLimit: 2, memoryRequestBytes: 512 * MiB },
  pullSecrets: ['pull'],
  nodeSelector: { pool: 'runs' },
  tolerations: [{ key: 'runs', operator: 'Exists', effect: 'NoSchedule' }],
  priorityClass: 'runs',
  runtimeClass: 'gvisor',
  codeStorageClass: null,
};
const options = {
  namespace: 'runs',
  installation: 'east',
  template,
  labels: { team: 'a', 'codebay.dev/installation': 'spoofed' },
  annotations: { note: 'b', 'karpenter.sh/do-not-disrupt': 'false' },
  pendingMs: 720_000,
};
const alias = { hostname: 'gateway.station.svc', address: '10.96.0.7' };

const job = (change: Partial<PodTemplate> = {}, changedOrder: Partial<RunOrder> = {}) =>
  jobOf({ ...order, ...changedOrder }, { ...options, template: { ...template, ...change } }, alias);
const podOf = (made = job()) => {
  const spec = made.spec?.template.spec;
  if (spec === undefined) throw new Error('no pod');
  return spec;
};
const containers = (made = job()) => Object.fromEntries(podOf(made).containers.map((container) => [container.name, container]));

describe('the Job', () => {
  it('is named as its run, and says whose it is', () => {
    expect(job().metadata).toMatchObject({ name: 'mend--a2', namespace: 'runs' });
    for (const metadata of [job().metadata, job().spec?.template.metadata]) {
      expect(metadata?.labels).toEqual({
        team: 'a',
        'sidecar.istio.io/inject': 'false',
        'app.kubernetes.io/managed-by': 'codebay',
        'codebay.dev/installation': 'east',
        'codebay.dev/task': 'mend',
        'codebay.dev/run': 'mend--a2',
      });
    }
  });

  it('makes one pod, once, whatever ends it', () => {
    expect(job().spec).toMatchObject({ completions: 1, parallelism: 1, backoffLimit: 0, podReplacementPolicy: 'Failed' });
    expect(job().spec?.podFailurePolicy).toEqual({
      rules: [
        { action: 'FailJob', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
        { action: 'FailJob', onExitCodes: { operator: 'NotIn', values: [0] } },
      ],
    });
    expect(podOf().restartPolicy).toBe('Never');
  });

  it('has a deadline behind every other clock, and stays for as long as a collection may take', () => {
    expect(job().spec).toMatchObject({ activeDeadlineSeconds: 3600 + 900 + 720 + 600, ttlSecondsAfterFinished: 3600 });
  });

  it("isn't moved by autoscalers nor joined by a mesh, whatever else it is annotated with", () => {
    for (const metadata of [job().metadata, job().spec?.template.metadata]) {
      expect(metadata?.annotations).toEqual({
        note: 'b',
        'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false',
        'karpenter.sh/do-not-disrupt': 'true',
        'sidecar.istio.io/inject': 'false',
        'linkerd.io/inject': 'disabled',
        'kuma.io/sidecar-injection': 'disabled',
      });
    }
  });

  it('holds no identity', () => {
    expect(JSON.stringify(job())).not.toContain(order.identity);
  });
});

describe('the pod', () => {
  it('shares nothing with its host and has no way to the API server', () => {
    expect(podOf()).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      shareProcessNamespace: false,
      hostNetwork: false,
      hostPID: false,
      hostIPC: false,
    });
    for (const { env } of podOf().containers) {
      const cleared = env?.filter(({ name }) => name.startsWith('KUBERNETES_')) ?? [];
      expect(cleared).toHaveLength(8);
      expect(cleared.every(({ value }) => value === '')).toBe(true);
    }
  });

  it('has no name service and knows the gateway by an alias, or by its address', () => {
    expect(podOf()).toMatchObject({
      dnsPolicy: 'None',
      dnsConfig: { nameservers: ['127.0.0.1'] },
      hostAliases: [{ ip: '10.96.0.7', hostnames: ['gateway.station.svc'] }],
    });
    expect(jobOf(order, options, null).spec?.template.spec).not.toHaveProperty('hostAliases');
  });

  it('goes where the operator wants it, and leaves a node that is gone after a minute', () => {
    expect(podOf()).toMatchObject({
      priorityClassName: 'runs',
      runtimeClassName: 'gvisor',
      nodeSelector: { pool: 'runs' },
      imagePullSecrets: [{ name: 'pull' }],
      tolerations: [
        { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 60 },
        { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 60 },
        { key: 'runs', operator: 'Exists', effect: 'NoSchedule' },
      ],
    });
    const plain = podOf(job({ priorityClass: null, runtimeClass: null }));
    expect(plain).not.toHaveProperty('priorityClassName');
    expect(plain).not.toHaveProperty('runtimeClassName');
  });

  it('has the time to save a last checkpoint', () => {
    expect(podOf().terminationGracePeriodSeconds).toBe(10);
  });

  it('is restricted as a whole and in each part', () => {
    expect(podOf().securityContext).toEqual({
      runAsNonRoot: true,
      fsGroup: POD_GID,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    });
    for (const name of ['sidecar', 'agent', 'tools'] as const) {
      expect(containers()[name]?.securityContext).toEqual({
        runAsUser: POD_UIDS[name],
        runAsGroup: POD_GID,
        runAsNonRoot: true,
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
        seccompProfile: { type: 'RuntimeDefault' },
      });
    }
    expect(podOf().initContainers).toBeUndefined();
  });

  it("runs the station's image beside the agent's, or beside that of the repository", () => {
    const images = (made = job()) => podOf(made).containers.map(({ name, image, imagePullPolicy }) => [name, image, imagePullPolicy]);
    expect(images()).toEqual([
      ['sidecar', 'station:1', 'IfNotPresent'],
      ['agent', 'agent:1', 'IfNotPresent'],
      ['tools', 'agent:1', 'IfNotPresent'],
    ]);
    expect(images(job({}, { image: 'acme:2' })).map(([, image]) => image)).toEqual(['station:1', 'acme:2', 'acme:2']);
  });

  it("tells the sidecar, and nobody else, the name of the agent's image", () => {
    const told = (made = job()) => podOf(made).containers.map(({ command }) => command?.at(-1));
    expect(told()).toEqual(['agent:1', '/app/control/agent', '/app/control/tools']);
    expect(told(job({}, { image: 'acme@sha256:0' }))[0]).toBe('acme@sha256:0');
  });

  it('gives the untrusted parts no variable but their own program, written out, and the PATH of our tools', () => {
    for (const name of ['agent', 'tools'] as const) {
      const given = (containers()[name]?.env ?? []).filter(({ name: variable }) => !variable.startsWith('KUBERNETES_'));
      // The kubelet takes two dollars for one, and one before a parenthesis for a reference.
      const { EXECUTOR, FORGETS } = executorOf(name).environment;
      expect(given).toEqual([
        { name: 'EXECUTOR', value: EXECUTOR.split('$').join('$$') },
        { name: 'FORGETS', value: FORGETS },
        ...(name === 'tools' ? [{ name: 'PATH', value: SYSTEM_PATH }] : []),
      ]);
      expect(containers()[name]).not.toHaveProperty('envFrom');
    }
    expect(JSON.stringify(podOf())).not.toContain('valueFrom');
    expect(JSON.stringify(podOf())).not.toContain(order.identity);
  });

  it("keeps the sidecar's last lines where it could not say how it ended", () => {
    expect(Object.values(containers()).map(({ terminationMessagePolicy }) => terminationMessagePolicy)).toEqual([
      'FallbackToLogsOnError',
      'File',
      'File',
    ]);
  });

  it('bounds each part', () => {
    const resources = Object.fromEntries(Object.entries(containers()).map(([name, { resources: own }]) => [name, own]));
    const disk = String(10_240 * MiB);
    expect(resources).toEqual({
      sidecar: {
        requests: { cpu: '50m', memory: String(128 * MiB), 'ephemeral-storage': '0' },
        limits: { cpu: '1000m', memory: String(512 * MiB), 'ephemeral-storage': disk },
      },
      agent: {
        requests: { cpu: '250m', memory: String(512 * MiB), 'ephemeral-storage': String(512 * MiB) },
        limits: { cpu: '2000m', memory: String(4096 * MiB), 'ephemeral-storage': disk },
      },
      tools: {
        requests: { cpu: '50m', memory: String(64 * MiB), 'ephemeral-storage': '0' },
        limits: { cpu: '2000m', memory: String(1024 * MiB), 'ephemeral-storage': disk },
      },
    });
    const small = containers(job({}, { limits: { ...order.limits, memoryBytes: 64 * MiB, diskBytes: 32 * MiB } })).agent?.resources;
    expect(small?.requests).toMatchObject({ memory: String(64 * MiB), 'ephemeral-storage': String(32 * MiB) });
  });

  it('mounts what the layout says, each volume bounded, the identity for the sidecar alone', () => {
    for (const name of ['sidecar', 'agent', 'tools'] as const) {
      expect(containers()[name]?.volumeMounts).toEqual(
        POD_MOUNTS[name].map(({ volume, path, readOnly }) => ({ name: volume, mountPath: path, readOnly })),
      );
    }
    const volumes = Object.fromEntries((podOf().volumes ?? []).map(({ name, ...rest }) => [name, rest]));
    expect(Object.keys(volumes)).toEqual(Object.keys(POD_VOLUMES));
    const { order: secret, ...others } = volumes;
    expect(secret).toEqual({ secret: { secretName: 'mend--a2-order', defaultMode: 0o440 } });
    for (const [name, volume] of Object.entries(others)) {
      const inMemory = POD_VOLUMES[name as keyof typeof POD_VOLUMES] === 'memory';
      expect(volume).toEqual({ emptyDir: { sizeLimit: expect.stringMatching(/^\d+$/), ...(inMemory && { medium: 'Memory' }) } });
    }
    expect(others.code).toEqual({ emptyDir: { sizeLimit: String(10_240 * MiB) } });
  });

  it('has its code on a volume of its own where a storage class is named', () => {
    const code = podOf(job({ codeStorageClass: 'fast' })).volumes?.find(({ name }) => name === 'code');
    expect(code).toEqual({
      name: 'code',
      ephemeral: {
        volumeClaimTemplate: {
          spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'fast', resources: { requests: { storage: String(10_240 * MiB) } } },
        },
      },
    });
  });
});

describe('the Secret', () => {
  it('holds the order and goes with its Job, whose removal it does not hold up', () => {
    const secret = secretOf(order, { metadata: { name: order.runId, uid: 'u1' } }, options);
    expect(secret.metadata).toMatchObject({
      name: secretNameOf(order.runId),
      namespace: 'runs',
      labels: { 'codebay.dev/run': 'mend--a2', 'codebay.dev/installation': 'east' },
      ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: 'mend--a2', uid: 'u1', controller: false, blockOwnerDeletion: false }],
    });
    expect(secret).toMatchObject({ type: 'Opaque', immutable: true });
    expect(JSON.parse(secret.stringData?.['order.json'] ?? '')).toEqual(order);
  });
});
