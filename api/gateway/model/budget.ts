import { DEFAULT_TASK_LIMITS } from '../../../tasks/limits.ts';
import type { BudgetLimits } from '../../../tasks/ports/ledger.ts';
import type { TaskRecord } from '../../../tasks/task.ts';
import type { ModelPrice } from '../../../tasks/usage.ts';
import type { TokenUsage } from './answer-shape.ts';
import { refusedRequest } from './model-error.ts';

/** Dollars per million tokens are micro-dollars per token. Null where the model has no price. */
export const costMicrosOf = (price: ModelPrice | undefined, { inputTokens, outputTokens }: TokenUsage): number | null =>
  price === undefined ? null : Math.ceil(inputTokens * price.input + outputTokens * price.output);

/** What the task may spend; throws where its limit in money can't be kept because nobody named a price. */
export const budgetOf = ({ spec }: TaskRecord, model: string, price: ModelPrice | undefined): BudgetLimits => {
  const costUsd = spec.limits?.cost_usd;
  if (costUsd !== undefined && price === undefined) {
    throw refusedRequest(`the task has a limit in dollars, and ${model} has no price on this station (CODEBAY_MODEL_PRICES)`);
  }
  return {
    tokens: spec.limits?.tokens ?? DEFAULT_TASK_LIMITS.tokens,
    costMicros: costUsd === undefined ? null : Math.floor(costUsd * 1_000_000),
  };
};
