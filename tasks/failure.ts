import type { FailureKind } from './failure-kind.ts';
import { SETUP_FAILURES } from './setup-failures.ts';

/** Every reason a task can fail for; the same word in the API, the search attributes, the result event and Temporal's failure type. */
export const FAILURES = {
  SOURCE_NOT_FOUND: {
    title: 'The repository or ref was not found',
    remedy: 'Check the URL and the branch, tag or commit; a private repository needs a configured credential.',
    retryable: false,
  },
  SOURCE_REFUSED: {
    title: 'The repository address is not allowed',
    remedy: 'Use a public https URL without credentials in it, or ask the operator to allow the host (CODEBAY_GIT_ALLOWED_HOSTS).',
    retryable: false,
  },
  SOURCE_UNREACHABLE: {
    title: 'The repository host did not answer',
    remedy: 'Check that the host is up and reachable from the station, then submit the task again.',
    retryable: true,
  },
  SOURCE_EMPTY: {
    title: 'The repository holds no files',
    remedy: 'Push a first commit, or name a subfolder that holds files.',
    retryable: false,
  },
  SOURCE_INVALID: {
    title: 'The repository is damaged or malformed',
    remedy: 'Run `git fsck` in the repository and mend what it names; a fresh commit often does.',
    retryable: false,
  },
  SOURCE_TOO_LARGE: {
    title: 'The code is over a size limit',
    remedy: 'Ask the operator to raise the limit that the detail names, or leave large files out of the repository.',
    retryable: false,
  },
  ARCHIVE_INVALID: {
    title: 'The zip cannot be read',
    remedy: 'Make the zip again (no encryption, no multi-part) and upload it once more.',
    retryable: false,
  },
  ARCHIVE_UNSAFE: {
    title: 'The zip holds entries that are not allowed',
    remedy: 'Remove the entry that the detail names: paths must stay inside the archive and occur once.',
    retryable: false,
  },
  INVALID_TASK: {
    title: 'The task description is not valid',
    remedy: 'Correct the field that the detail names and submit again.',
    retryable: false,
  },
  UNSUPPORTED: { title: 'This station cannot do that yet', remedy: 'Use another mode; the detail says what is missing.', retryable: false },
  ISOLATION_UNAVAILABLE: {
    title: 'The station has no sandbox to run the task in',
    remedy: 'Run `codebay doctor` on the station; it says how to mend the sandbox.',
    retryable: false,
  },
  NETWORK_NOT_ISOLATED: {
    title: "The run's network is not isolated",
    remedy:
      "Check that the cluster's network plugin enforces NetworkPolicy in the runs' namespace; the detail names what could be reached.",
    retryable: false,
  },
  ...SETUP_FAILURES,
  OUT_OF_MEMORY: {
    title: 'The run used more memory than it may',
    remedy: 'Ask for less work in one task, or raise the memory limit of runs (CODEBAY_RUN_MEMORY_MB).',
    retryable: false,
  },
  DISK_FULL: { title: 'The run filled its disk', remedy: 'Ask for less output, or free space on the station.', retryable: false },
  EVICTED: {
    title: 'The run was evicted too often',
    remedy: "Look at the station: it stopped this task's runs several times. Submit again when it is calm.",
    retryable: true,
  },
  RUN_LOST: {
    title: 'The run vanished without a trace, too often',
    remedy: "Look at the station's logs, then submit again.",
    retryable: true,
  },
  UNSCHEDULABLE: {
    title: 'No machine of the cluster had room for the run',
    remedy: "Add a node that fits the run's requests, or lower CODEBAY_RUN_MEMORY_MB; then submit again.",
    retryable: true,
  },
  RUN_REFUSED: {
    title: 'The cluster or the Docker engine refused the run',
    remedy: 'The detail quotes it: raise the quota it names, or mend the policy, then submit again.',
    retryable: true,
  },
  RUN_NOT_STARTED: {
    title: "The run's containers could not be started",
    remedy:
      'The detail quotes the cluster or the Docker engine; an image of your own must run as uid 10002 and be derived from the codex-agent image.',
    retryable: false,
  },
  IMAGE_PULL: {
    title: "The run's image could not be pulled",
    remedy:
      "Check the image's name, and the pull secret (pull_secrets of CODEBAY_KUBERNETES_POD); a Docker engine must have the image already.",
    retryable: true,
  },
  MODEL_AUTH: {
    title: "The model refused the station's key",
    remedy: 'Ask the operator to check OPENAI_API_KEY and OPENAI_BASE_URL.',
    retryable: false,
  },
  MODEL_REFUSED: {
    title: 'The model refused the request',
    remedy: "Check the model's name and that it supports tools; the detail quotes its answer.",
    retryable: false,
  },
  MODEL_RATE_LIMITED: {
    title: "The model's rate limit held too long",
    remedy: 'Wait, or ask the operator for a higher rate, then submit again.',
    retryable: true,
  },
  MODEL_UNAVAILABLE: { title: "The model's endpoint kept failing", remedy: 'Check the endpoint, then submit again.', retryable: true },
  MODEL_PROTOCOL: {
    title: "The model's answers could not be understood",
    remedy: 'Check that the endpoint speaks the OpenAI chat completions protocol with tools.',
    retryable: true,
  },
  MODEL_TIMEOUT: {
    title: 'The model did not answer in time',
    remedy: 'Check the endpoint, or raise CODEBAY_MODEL_TIMEOUT_SECONDS, then submit again.',
    retryable: true,
  },
  BUDGET_EXHAUSTED: {
    title: "The task's budget is used up",
    remedy: 'Raise limits.tokens or limits.cost_usd and submit again; the work so far is kept in diff.patch.',
    retryable: false,
  },
  STEP_LIMIT: {
    title: 'The agent used up its steps',
    remedy: 'Raise limits.steps or ask for less; the work so far is kept in diff.patch.',
    retryable: false,
  },
  AGENT_STUCK: {
    title: 'The agent repeated itself without progress',
    remedy: 'Say in the prompt what was missed; the work so far is kept in diff.patch.',
    retryable: true,
  },
  AGENT_FAILED: {
    title: 'The agent ended with an error',
    remedy: 'Read agent.log; the work so far is kept in diff.patch.',
    retryable: true,
  },
  TIMED_OUT: {
    title: 'The task took longer than it may',
    remedy: 'Raise limits.time_seconds or ask for less; the work so far is kept in diff.patch.',
    retryable: false,
  },
  OUTPUT_INVALID: {
    title: "The run's output was refused",
    remedy: 'The agent produced files over the limits; read the detail.',
    retryable: false,
  },
  TERMINATED: { title: 'The workflow was terminated by an operator', remedy: 'Ask the operators, then submit again.', retryable: true },
  INTERNAL: {
    title: 'The station failed',
    remedy: "Read the worker's log with the task id; this is a defect worth reporting.",
    retryable: true,
  },
} as const satisfies Record<string, FailureKind>;

export type FailureReason = keyof typeof FAILURES;

/** What a failed task says of itself. */
export interface TaskFailure {
  readonly reason: FailureReason;
  /** What happened, with the facts: exit codes, last lines, names. Never a secret. */
  readonly detail: string;
}

export const isFailureReason = (value: string): value is FailureReason => Object.hasOwn(FAILURES, value);

/** Thrown by adapters that know why a task can't go on; one place maps it to Temporal's failure of the same type. */
export class FailureError extends Error {
  override readonly name = 'FailureError';
  readonly reason: FailureReason;
  constructor(reason: FailureReason, detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.reason = reason;
  }
}
