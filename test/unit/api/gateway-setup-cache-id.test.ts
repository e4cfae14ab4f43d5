import { isSetupCacheIdOf, setupCacheId } from '../../../api/gateway/run/setup-cache-id.ts';
import { taskSpecSchema } from '../../../tasks/spec.ts';

const SECRET = 's'.repeat(64);
const git = (url: string, subfolder?: string) => taskSpecSchema.parse({ source: { type: 'git', url, subfolder }, prompt: 'do it' });
const TASK = { id: 't1', owner: 'alice', commit: 'c'.repeat(40), spec: git('https://github.com/acme/app') };
const FACTS = {
  script: { path: 'setup.sh', sha256: 'a'.repeat(64) },
  cache: { environment: 'image@sha256:1', dependencies_sha256: 'b'.repeat(64), may_wait: true },
  secrets: { A: 'one', B: 'two' } as Record<string, string>,
  onNamedBranch: true,
};
const idOf = (task: Partial<typeof TASK> = {}, facts: Partial<typeof FACTS> = {}, secret = SECRET) =>
  setupCacheId(secret, { ...TASK, ...task }, { ...FACTS, ...facts });

test('what decides what a set-up makes has an id of its own; what does not, has not', () => {
  const others = [
    idOf({ owner: 'bob' }),
    idOf({ spec: git('https://github.com/acme/other') }),
    idOf({ spec: git('https://github.com/acme/app', 'sub') }),
    idOf({}, { script: { ...FACTS.script, path: 'other.sh' } }),
    idOf({}, { script: { ...FACTS.script, sha256: 'd'.repeat(64) } }),
    idOf({}, { cache: { ...FACTS.cache, environment: 'image@sha256:2' } }),
    idOf({}, { cache: { ...FACTS.cache, dependencies_sha256: 'd'.repeat(64) } }),
    idOf({}, { secrets: { A: 'one', B: 'new' } }),
    idOf({}, { secrets: { A: 'one', C: 'two' } }),
    idOf({}, { onNamedBranch: false }),
    idOf({}, {}, 'x'.repeat(64)),
  ];
  expect(new Set([idOf(), ...others]).size).toBe(others.length + 1);
  expect(idOf({}, { secrets: { B: 'two', A: 'one' }, cache: { ...FACTS.cache, may_wait: false } })).toBe(idOf());
});

test('a named branch shares between its commits and tasks, all other code is for itself', () => {
  const elsewhere = { onNamedBranch: false };
  expect(idOf({ id: 't2', commit: 'd'.repeat(40) })).toBe(idOf());
  expect(idOf({ id: 't2' }, elsewhere)).toBe(idOf({}, elsewhere));
  expect(idOf({ commit: 'd'.repeat(40) }, elsewhere)).not.toBe(idOf({}, elsewhere));
  const zip = {
    commit: null as unknown as string,
    spec: taskSpecSchema.parse({ source: { type: 'zip' }, prompt: 'do it' }) as typeof TASK.spec,
  };
  expect(idOf(zip, elsewhere)).not.toBe(idOf({ ...zip, id: 't2' }, elsewhere));
});

test("an id is its owner's, and nobody makes one up", () => {
  expect(idOf()).toMatch(/^[0-9a-f]{64}$/);
  expect(isSetupCacheIdOf(SECRET, 'alice', idOf())).toBe(true);
  expect(isSetupCacheIdOf(SECRET, 'bob', idOf())).toBe(false);
  expect(isSetupCacheIdOf(SECRET, 'alice', idOf({ owner: 'bob' }))).toBe(false);
  for (const made of ['f'.repeat(64), '', `../${idOf().slice(3)}`]) expect(isSetupCacheIdOf(SECRET, 'alice', made)).toBe(false);
});
