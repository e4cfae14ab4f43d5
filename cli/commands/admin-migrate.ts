import { migrateStore } from '../../platform/open-stores.ts';
import { EXIT } from '../cli-error.ts';
import { print } from '../terminal.ts';
import { readSettings } from '../up/plan.ts';
import { reachStore } from '../up/reach-store.ts';

/** `codebay admin migrate`: brings the store's tables up to date. API and worker do so too at their start; this is for doing it before. */
export const migrate = async (): Promise<number> => {
  const { from, to } = await reachStore(() => migrateStore(readSettings(process.env)));
  print(from === to ? `The store is up to date (schema ${to}).` : `The store went from schema ${from} to ${to}.`);
  return EXIT.done;
};
