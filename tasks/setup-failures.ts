import type { FailureKind } from './failure-kind.ts';

/** The reasons of the set-up phase, a part of `FAILURES`. */
export const SETUP_FAILURES = {
  SETUP_REFUSED: {
    title: 'The station does not run this set-up script',
    remedy: 'Name the script setup.sh or .codebay/setup.sh, or ask the operator to allow its path or its SHA-256 (CODEBAY_SETUP_SCRIPTS).',
    retryable: false,
  },
  SETUP_FAILED: {
    title: 'The set-up script failed',
    remedy: 'Read setup.log; the script runs without a terminal, and the network is reached through HTTP_PROXY only.',
    retryable: false,
  },
  SETUP_LEAKED_SECRET: {
    title: 'The set-up script left a secret behind',
    remedy: 'Let files name the variable instead of its value, as .npmrc may, or delete them at the end of the script.',
    retryable: false,
  },
  SETUP_TIMED_OUT: {
    title: 'The set-up script took too long',
    remedy: 'Make the script faster or raise the set-up time limit.',
    retryable: false,
  },
} as const satisfies Record<string, FailureKind>;
