import { z } from 'zod';
import { count, json, list } from './setting-kinds.ts';

const texts = z.record(z.string(), z.string());

const repository = z.string().regex(/^[a-z0-9.-]+(:\d+)?(\/[\w.~-]+)+$(?<!\.git)/);
/** One without a tag would mean another image every day. */
const image = z.string().regex(/^[\w./:-]+(:[\w.-]+|@sha256:[0-9a-f]{64})$/, 'is no image with a tag or a digest');
const images = z.record(repository, image, {
  error: ({ code }) => (code === 'invalid_key' ? 'is no repository as host/path, without https:// and .git' : undefined),
});

const toleration = z.strictObject({
  key: z.string().optional(),
  operator: z.enum(['Exists', 'Equal']).optional(),
  value: z.string().optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
  tolerationSeconds: z.int().optional(),
});

const pod = z.strictObject({
  node_selector: texts.default({}),
  tolerations: z.array(toleration).default([]),
  priority_class: z.string().nullable().default(null),
  /** gVisor, Kata: whatever the cluster offers. */
  runtime_class: z.string().nullable().default(null),
  pull_secrets: z.array(z.string()).default([]),
  /** Puts the code of each run on a volume of this class in place of the node's disk. */
  code_storage_class: z.string().nullable().default(null),
  labels: texts.default({}),
  annotations: texts.default({}),
});

/** Where runs execute, and what a cluster or an engine gives them. */
export const runnerSettings = {
  CODEBAY_RUNNER: z.enum(['sandbox', 'docker', 'kubernetes']).default('sandbox'),
  /** Tells the runs of this station from those of others in the same namespace or engine. */
  CODEBAY_INSTALLATION: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/)
    .default('codebay'),
  CODEBAY_KUBERNETES_NAMESPACE: z.string().default('codebay-runs'),
  /** This station's own image; its sidecar must be of the same release. */
  CODEBAY_SIDECAR_IMAGE: z.string().optional(),
  CODEBAY_AGENT_IMAGE: z.string().optional(),
  /** `{"github.com/acme/app": "image"}`: the repositories that have an image of their own, derived from the agent's. */
  CODEBAY_AGENT_IMAGES: json(images, '{}'),
  CODEBAY_KUBERNETES_POD: json(pod, '{}'),
  /** In cores. */
  CODEBAY_RUN_CPU: z.coerce.number().positive().default(2),
  CODEBAY_RUN_CPU_REQUEST: z.coerce.number().positive().default(0.25),
  CODEBAY_RUN_MEMORY_REQUEST_MB: count(512),
  /** How long a run may wait for a node. */
  CODEBAY_RUN_PENDING_SECONDS: count(600),
  /** How long its pod's creation, its images and its containers may go on failing. */
  CODEBAY_RUN_START_SECONDS: count(120),
  /** What no run may reach, proved before anything untrusted starts: `host:port`, or `api-server` for the cluster's own; `none` proves nothing. */
  CODEBAY_RUN_FORBIDDEN: list.transform((addresses) => (addresses.length > 0 ? addresses : ['api-server'])),
};
