import { setTimeout as delay } from 'node:timers/promises';
import type { OperatorService } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../workflows/search-attributes.ts';

/** `IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD` of Temporal's API. */
const KEYWORD = 2;
const LOOK_EVERY_MS = 50;

/**
 * Registers the search attributes that the workflow sets, and returns when the server knows them: an upsert of an unknown one
 * would fail the workflow task. Idempotent. A cluster that forbids it (Temporal Cloud) throws; register them there by hand.
 */
export const registerSearchAttributes = async (operatorService: OperatorService, namespace: string, signal: AbortSignal): Promise<void> => {
  const wanted = Object.values(SEARCH_ATTRIBUTES).map(({ name }) => name);
  for (;;) {
    const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
    const missing = wanted.filter((name) => !Object.hasOwn(customAttributes, name));
    if (missing.length === 0) return;
    await operatorService.addSearchAttributes({ namespace, searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])) });
    await delay(LOOK_EVERY_MS, undefined, { signal });
  }
};
