import { testsWithoutServers } from './test/servers/missing.js';

/** Node runs TypeScript by itself; jest needs swc for that, with the same ESM semantics. */
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2024', parser: { syntax: 'typescript' } }, module: { type: 'es6' } }],
  },
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // Real servers on a busy machine: a bound on hanging, not on speed.
  testTimeout: 60_000,
  reporters: ['default', '<rootDir>/test/support/skipped.js'],
  globalTeardown: '<rootDir>/test/support/end-of-run.js',
  testPathIgnorePatterns: ['/node_modules/', ...[...testsWithoutServers().keys()].map((file) => `/test/${file}$`)],
  modulePathIgnorePatterns: ['<rootDir>/.codebay', '<rootDir>/.cache'],
};
