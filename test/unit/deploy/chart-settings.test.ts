import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadSettings, SETTING_NAMES } from '../../../platform/settings.ts';

const ROOT = join(import.meta.dirname, '../../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const TABLE = read('deploy/helm/codebay/files/settings.yaml');
const INSTALL = read('deploy/kubernetes/install.yaml');

/** The names in one part of the table. */
const part = (name: string): string[] => {
  const text = new RegExp(`^${name}:.*\\n((?:  .*\\n)+)`, 'm').exec(TABLE)?.[1] ?? '';
  return [...text.matchAll(/^ {2}(?:- )?([A-Z_]+)/gm)].map(([, setting = '']) => setting);
};

const SERVICES = ['api', 'gateway', 'worker', 'ingest'] as const;

/** What one service's ConfigMap says. */
const configOf = (service: (typeof SERVICES)[number]): Record<string, string> => {
  const text = INSTALL.split(/^---$/m).find((one) => /^kind: ConfigMap$/m.test(one) && one.includes(`name: codebay-${service}\n`)) ?? '';
  return Object.fromEntries(
    [...text.matchAll(/^ {2}([A-Z_]+): (".*")$/gm)].map(([, key = '', value = '']) => [key, JSON.parse(value) as string]),
  );
};

test('every setting has one place in the chart', () => {
  const placed = [...part('free'), ...part('made'), ...part('secret'), ...part('absent')];
  expect([...placed].sort()).toEqual([...SETTING_NAMES].sort());
});

test('the schema of the values offers those that an operator may set, and no other', () => {
  const schema = JSON.parse(read('deploy/helm/codebay/values.schema.json'));
  expect(Object.keys(schema.properties.settings.properties).sort()).toEqual(part('free').sort());
  expect(schema.properties.settings.additionalProperties).toBe(false);
});

test.each(SERVICES)('what %s is given can be read as settings', (service) => {
  const config = configOf(service);
  expect(config.CODEBAY_STORE).toBe('mysql');
  expect(() => loadSettings(config)).not.toThrow();
  expect(Object.keys(config).filter((name) => part('secret').includes(name))).toEqual([]);
});

/** The variables that a Deployment takes from Secrets. */
const secretsOf = (service: string): string[] => {
  const text = INSTALL.split(/^---$/m).find((one) => /^kind: Deployment$/m.test(one) && one.includes(`name: codebay-${service}\n`)) ?? '';
  return [...text.matchAll(/- name: ([A-Z_]+)\n\s+valueFrom: \{?\s*secretKeyRef/g)].map(([, name = '']) => name).sort();
};

test('each service gets only the secrets that it needs', () => {
  const stores = ['CODEBAY_COS_SECRET_ID', 'CODEBAY_COS_SECRET_KEY', 'CODEBAY_MYSQL_URL', 'CODEBAY_REDIS_URL'];
  expect(Object.fromEntries(SERVICES.map((service) => [service, secretsOf(service)]))).toEqual({
    api: stores,
    gateway: [...stores, 'OPENAI_API_KEY'],
    worker: stores,
    ingest: ['CODEBAY_MYSQL_URL'],
  });
});

test('install.yaml holds no Secret, and nothing that removes one', () => {
  expect(INSTALL).toContain('\nkind: Deployment\n');
  expect(INSTALL).not.toMatch(/^kind: Secret$/m);
  expect(INSTALL).not.toContain('--remove');
});
