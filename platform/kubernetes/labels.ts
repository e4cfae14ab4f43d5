/** On every object of a run. */
export const LABELS = {
  managedBy: 'app.kubernetes.io/managed-by',
  installation: 'codebay.dev/installation',
  task: 'codebay.dev/task',
  run: 'codebay.dev/run',
} as const;

export const MANAGED_BY = 'codebay';

/** What belongs to the runs of one installation, and of nobody else in the namespace. */
export const installationSelector = (installation: string): string =>
  `${LABELS.managedBy}=${MANAGED_BY},${LABELS.installation}=${installation}`;

export const runSelector = (installation: string, runId: string): string => `${installationSelector(installation)},${LABELS.run}=${runId}`;
