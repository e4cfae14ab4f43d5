import { isOnNamedBranch, secretScopeOf } from '../../../api/gateway/run/setup-trust.ts';
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
  [APP, 'main', true],
  [APP, 'release/1', true],
  [APP, 'release', false],
  [APP, 'mainly', false],
  [APP, 'Main', false],
  [APP, null, false],
  [null, 'main', false],
])('%s at the tip of %s is on a named branch: %s', (url, branch, named) => {
  expect(isOnNamedBranch(taskOf(url, branch), ['main', 'release/*'])).toBe(named);
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
