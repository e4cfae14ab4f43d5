import { createSetupPolicy } from '../../../api/gateway/run/setup-policy.ts';
import { loadSettings } from '../../../platform/settings.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);

const policyOf = (setting?: string) => createSetupPolicy(loadSettings({ CODEBAY_SETUP_SCRIPTS: setting }).CODEBAY_SETUP_SCRIPTS);

test.each([
  [undefined, 'setup.sh', A, true, false],
  [undefined, '.codebay/setup.sh', A, true, false],
  [undefined, 'tools/setup.sh', A, false, false],
  [undefined, './setup.sh', A, false, false],
  ['tools/setup.sh', 'tools/setup.sh', A, true, false],
  ['tools/setup.sh', 'setup.sh', A, false, false],
  [`setup.sh, ${A.toUpperCase()}`, 'anywhere.sh', A, true, true],
  [`setup.sh, ${A}`, 'setup.sh', B, true, false],
  [`setup.sh, ${A}`, 'anywhere.sh', B, false, false],
  ['*', 'anywhere.sh', B, true, false],
  ['none', 'setup.sh', A, false, false],
])('with CODEBAY_SETUP_SCRIPTS=%s the script %s (%s) is allowed: %s, approved: %s', (setting, path, sha256, allowed, approved) => {
  expect(policyOf(setting)({ path, sha256 })).toEqual({ allowed, approved });
});
