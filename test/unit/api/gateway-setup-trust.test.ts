import { secretScopeOf, setupTrustOf } from '../../../api/gateway/run/setup-trust.ts';
import { taskSpecSchema } from '../../../tasks/spec.ts';
import type { TaskRecord } from '../../../tasks/task.ts';

const taskOf = (url: string | null, branch: string | null): TaskRecord => ({
  ...{ id: 't1', owner: 'alice', status: 'PROCESSING', phase: null, waiting_for: null, failure: null, commit: null, verification: null },
  ...{ artifacts: [], revision: 1, cancel_requested: false, start_acknowledged: true, timings: {} },
  ...{ created_at: 1, started_at: 1, finished_at: null, updated_at: 1 },
  branch,
  spec: taskSpecSchema.parse({ source: url === null ? { type: 'zip' } : { type: 'git', url }, prompt: 'do it' }),
});
const APP = 'https://github.com/acme/app';

test.each([
  ['main', 'branch'],
  ['release/1', 'branch'],
  ['release', 'none'],
  ['mainly', 'none'],
  ['Main', 'none'],
  [null, 'none'],
])('the tip of branch %s has the trust %s', (branch, trust) => {
  expect(setupTrustOf(taskOf(APP, branch), { allowed: true, approved: false }, ['main', 'release/*'])).toBe(trust);
});

test('an approved script is trusted wherever it comes from; a zip by nothing else', () => {
  expect(setupTrustOf(taskOf(APP, null), { allowed: true, approved: true }, [])).toBe('approved');
  expect(setupTrustOf(taskOf(null, null), { allowed: true, approved: true }, [])).toBe('approved');
  expect(setupTrustOf(taskOf(null, 'main'), { allowed: true, approved: false }, ['main'])).toBe('none');
});

test.each([
  [APP, 'github.com/acme/app'],
  ['https://GitHub.com/acme/app.git', 'github.com/acme/app'],
  ['https://github.com/acme/app/', 'github.com/acme/app'],
  ['https://git.corp:8443/acme/app.git', 'git.corp:8443/acme/app'],
  ['https://github.com/acme/../evil/app', 'github.com/evil/app'],
  ['https://github.com/acme/%2e%2e/evil/app', 'github.com/evil/app'],
  ['https://github.com/acme/..%2fevil/app', null],
  ['https://evil.test\\@github.com/acme/app', null],
  ['https://github.com/acme//app', null],
  ['not a url', null],
  [null, null],
])('the repository %s has the scope %s', (url, repository) => {
  expect(secretScopeOf(taskOf(url, 'main'))).toEqual({ owner: 'alice', repository });
});
