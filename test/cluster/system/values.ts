import { COS_TEST } from '../../servers/cos/cos-process.ts';
import { type BuiltImages, imageValue } from '../../support/built-images.ts';
import type { ServersBeside } from './beside.ts';

/** Names of the Secrets that an operator makes before the chart is installed. */
export const SECRETS = {
  mysql: 'codebay-mysql',
  redis: 'codebay-redis',
  cos: 'codebay-cos',
  model: 'codebay-model',
  setup: 'codebay-setup',
};

/** Of one run; small, so that tests reach it soon. */
export const RUN_MEMORY_MB = 512;
export const RUN_DISK_MB = 256;
/** Short, so that a run that can't begin fails soon. */
export const START_SECONDS = 10;
export const PENDING_SECONDS = 20;
/** Has an image of its own that can't be pulled: nobody listens there. */
export const UNPULLABLE = { repository: 'unpullable', image: '127.0.0.1:1/none:1' };

const small = (memory: string) => ({
  requests: { cpu: '20m', memory: '128Mi', 'ephemeral-storage': '16Mi' },
  limits: { cpu: '2', memory, 'ephemeral-storage': '3Gi' },
});

/** One of each service: two prove nothing on one node. */
const service = (memory: string) => ({ replicas: 1, autoscaling: { enabled: false }, resources: small(memory) });

/** The chart's values for a deployment on the servers beside the cluster. */
export const valuesOf = (options: {
  readonly beside: ServersBeside;
  readonly images: BuiltImages;
  readonly gitUrl: string;
  readonly publicUrl: string;
  /** `host:port` that set-up may reach although it is private. */
  readonly mirror: string;
  /** Of the task of `helm test`. */
  readonly testPrompt: string;
}) => {
  const { beside, images, gitUrl, publicUrl, mirror, testPrompt } = options;
  const gitHost = new URL(gitUrl).host;
  return {
    image: { ...imageValue(images.codebay), pullPolicy: 'Never' },
    agentImage: imageValue(images.agent),
    api: { ...service('1Gi'), drainNoticeSeconds: 3, drainSeconds: 20 },
    gateway: { ...service('1Gi'), drainNoticeSeconds: 3, drainSeconds: 30 },
    worker: { ...service('1Gi'), drainSeconds: 15 },
    ingest: { ...service('512Mi'), enabled: true, drainSeconds: 5 },
    settings: {
      CODEBAY_PUBLIC_URL: publicUrl,
      CODEBAY_MODELS: ['scripted'],
      CODEBAY_MODEL_RETRY_SECONDS: 60,
      OPENAI_BASE_URL: beside.model.url,
      CODEBAY_MAX_RUNS: 6,
      CODEBAY_RUN_MEMORY_MB: RUN_MEMORY_MB,
      CODEBAY_RUN_DISK_MB: RUN_DISK_MB,
      CODEBAY_RUN_CPU_REQUEST: 0.05,
      CODEBAY_RUN_MEMORY_REQUEST_MB: 128,
      CODEBAY_RUN_START_SECONDS: START_SECONDS,
      CODEBAY_RUN_PENDING_SECONDS: PENDING_SECONDS,
      CODEBAY_AGENT_IMAGES: { [`${gitHost}/${UNPULLABLE.repository}`]: UNPULLABLE.image },
      CODEBAY_GIT_ALLOWED_HOSTS: [gitHost],
      CODEBAY_EGRESS_PRIVATE_HOSTS: [mirror],
      TEMPORAL_ADDRESS: beside.temporalAddress,
      CODEBAY_KAFKA_BROKERS: [beside.kafka.broker],
      CODEBAY_COS_REGION: COS_TEST.region,
      CODEBAY_COS_CODE_BUCKET: COS_TEST.codeBucket,
      CODEBAY_COS_LOGS_BUCKET: COS_TEST.logsBucket,
      CODEBAY_COS_ENDPOINT: beside.cos.endpoint,
    },
    model: { existingSecret: SECRETS.model },
    store: { existingSecret: SECRETS.mysql },
    cache: { existingSecret: SECRETS.redis },
    cos: { existingSecret: SECRETS.cos },
    setupSecrets: { existingSecret: SECRETS.setup },
    test: { prompt: testPrompt },
    hooks: {
      topics: { enabled: true, partitions: 2, replicationFactor: 1 },
      resources: {
        requests: { cpu: '10m', memory: '64Mi', 'ephemeral-storage': '1Mi' },
        limits: { cpu: '2', memory: '512Mi', 'ephemeral-storage': '256Mi' },
      },
    },
  };
};
export type SystemValues = ReturnType<typeof valuesOf>;
