import { createCosClient } from '../../platform/cos/client.ts';
import { applyLifecycle, codeRules, logsRules } from '../../platform/cos/lifecycle.ts';
import { camPolicies } from '../../platform/cos/policy.ts';
import { toPortError } from '../../platform/cos/port-errors.ts';
import { cosOptionsOf } from '../../platform/open-objects.ts';
import { ObjectStoreRefusedError, ObjectStoreUnavailableError } from '../../tasks/ports/object-store.ts';
import { CliError, EXIT } from '../cli-error.ts';
import { print, remark } from '../terminal.ts';
import { readSettings } from '../up/plan.ts';

/** What COS says no to is for the operator, in one line. */
const asCliError = (error: unknown): unknown =>
  error instanceof ObjectStoreRefusedError || error instanceof ObjectStoreUnavailableError
    ? new CliError(error.message, 'The policies that are printed say what each key needs.', EXIT.failed, { cause: error })
    : error;

/** `codebay admin cos`: the policies first, so that they can be had before any key is allowed anything; then the lifecycle rules of both buckets. */
export const adminCos = async ({ dryRun = false }: { readonly dryRun?: boolean }): Promise<number> => {
  const settings = readSettings({ ...process.env, CODEBAY_OBJECTS: 'cos' });
  const options = cosOptionsOf(settings);
  print(JSON.stringify(camPolicies(options), null, 2));
  const client = createCosClient(options);
  const buckets = [
    { name: options.codeBucket, setting: 'CODEBAY_COS_CODE_BUCKET', rules: codeRules() },
    { name: options.logsBucket, setting: 'CODEBAY_COS_LOGS_BUCKET', rules: logsRules(settings.CODEBAY_RETENTION_DAYS) },
  ] as const;
  for (const { name, setting, rules } of buckets) {
    const changed = await applyLifecycle(client, name, rules, { dryRun }).catch((error: unknown) => {
      throw asCliError(toPortError(error, setting));
    });
    const ids = rules.map(({ ID }) => ID).join(', ');
    remark(changed ? `${name}: ${dryRun ? 'would set' : 'set'} ${ids}` : `${name}: nothing to change`);
  }
  return EXIT.done;
};
