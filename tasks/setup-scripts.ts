/** Where a set-up script is looked for, in this order, and what a station runs where its operator says nothing else. */
export const DEFAULT_SETUP_SCRIPTS: readonly string[] = ['setup.sh', '.codebay/setup.sh'];
