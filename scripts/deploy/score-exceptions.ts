/** What kube-score would have otherwise, and why it isn't so. One that is no longer needed fails the check. */
export const SCORE_EXCEPTIONS: readonly { readonly check: string; readonly objects: RegExp; readonly why: string }[] = [
  {
    check: 'container-image-pull-policy',
    objects: /./,
    why: 'A tag is a version and never moves, and a digest can be set: with Always a registry that is away would keep pods from starting.',
  },
  {
    check: 'networkpolicy-targets-pod',
    objects: /NetworkPolicy\/.*\/codebay-runs-(nothing|gateway)$/,
    why: 'The pods of runs are made by the worker, not by the chart.',
  },
  {
    check: 'deployment-replicas',
    objects: /Deployment\/.*\/codebay-(api|gateway|mysql|redis|temporal)$/,
    why: 'The evaluation has one of each; in production the autoscaler keeps two.',
  },
  {
    check: 'deployment-strategy',
    objects: /Deployment\/.*\/codebay-(mysql|redis|temporal)$/,
    why: "The evaluation's servers have one volume, which has one writer: the old pod goes before the new one comes.",
  },
  {
    check: 'container-security-context-user-group-id',
    objects: /Deployment\/.*\/codebay-(mysql|redis|temporal)$/,
    why: "These are the users of the official images, who own the images' folders.",
  },
];
