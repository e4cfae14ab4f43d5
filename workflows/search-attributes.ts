import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

const keyword = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);

/** By these, operators find tasks in the Temporal UI: `CodebayStatus = "FAILED" AND CodebayFailure = "OUT_OF_MEMORY"`. */
export const SEARCH_ATTRIBUTES = {
  status: keyword('CodebayStatus'),
  phase: keyword('CodebayPhase'),
  repo: keyword('CodebayRepo'),
  mode: keyword('CodebayMode'),
  owner: keyword('CodebayOwner'),
  failure: keyword('CodebayFailure'),
} as const;
