import { randomBytes, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { createNamedSecrets, type NamedSecrets } from '../../platform/kubernetes/named-secrets.ts';
import { openStores } from '../../platform/open-stores.ts';
import type { ApiKeys } from '../../tasks/ports/access.ts';
import { CliError, EXIT } from '../cli-error.ts';
import { print } from '../terminal.ts';
import { readSettings } from '../up/plan.ts';
import { reachStore } from '../up/reach-store.ts';
import { inHookNamespace } from './admin-hook-namespace.ts';

const RANDOM_BYTES = 32;

const planSchema = z.array(
  z.strictObject({
    name: z.string().min(1),
    /** Keys that get a random text of 64 digits. */
    random: z.array(z.string().min(1)),
    /** Keys whose text is made from those: `{password}` stands for the random text of that key. */
    values: z.record(z.string(), z.string()).default({}),
  }),
);
export type SecretPlan = z.output<typeof planSchema>;

/** Throws a `CliError` that says what is wrong with it. */
export const readSecretPlan = (text: string): SecretPlan => {
  try {
    return planSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new CliError('--plan is not a list of secrets as the Helm chart writes it.', '', EXIT.usage, { cause });
  }
};

/** Makes what is absent; names what it made. What is there is left as it is, so that installations keep their secrets over upgrades. */
export const makeAbsent = async (secrets: NamedSecrets, plan: SecretPlan): Promise<readonly string[]> => {
  const made: string[] = [];
  for (const { name, random, values } of plan) {
    if (await secrets.exists(name)) continue;
    const drawn = Object.fromEntries(random.map((key) => [key, randomBytes(RANDOM_BYTES).toString('hex')]));
    const filled = Object.entries(values).map(([key, text]) => [key, text.replaceAll(/\{([\w-]+)\}/g, (whole, of) => drawn[of] ?? whole)]);
    if (await secrets.create(name, { ...drawn, ...Object.fromEntries(filled) })) made.push(name);
  }
  return made;
};

/** An API key in a Secret of its own, if that Secret is absent. A key that finds no Secret to stand in is revoked. */
export const makeFirstKey = async (secrets: NamedSecrets, keys: ApiKeys, name: string, owner: string): Promise<boolean> => {
  if (await secrets.exists(name)) return false;
  const label = `first key ${randomUUID()}`;
  const key = await keys.create(owner, label);
  const revoke = async (): Promise<void> => {
    const id = (await keys.list()).find((one) => one.label === label)?.id;
    if (id !== undefined) await keys.revoke(id);
  };
  try {
    if (await secrets.create(name, { key })) return true;
  } catch (error) {
    await revoke();
    throw error;
  }
  await revoke();
  return false;
};

/** `codebay admin secrets --plan JSON`. */
export const makeSecrets = (plan: string): Promise<number> => {
  const wanted = readSecretPlan(plan);
  return inHookNamespace(async (cluster, namespace) => {
    const made = await makeAbsent(createNamedSecrets(cluster, namespace), wanted);
    print(made.length === 0 ? 'Every secret is there.' : `Made ${made.join(', ')}.`);
  });
};

/** `codebay admin first-key`. */
export const firstKey = async ({ secret, owner }: { readonly secret: string; readonly owner: string }): Promise<number> => {
  const settings = readSettings(process.env);
  return inHookNamespace(async (cluster, namespace) => {
    const stores = await reachStore(() => openStores(settings));
    try {
      const made = await makeFirstKey(createNamedSecrets(cluster, namespace), stores.apiKeys, secret, owner);
      print(made ? `Made an API key of ${owner}; it stands in the Secret ${secret}.` : `The Secret ${secret} is there.`);
    } finally {
      await stores.close();
    }
  });
};
