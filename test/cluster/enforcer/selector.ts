import type { Labels, Selector } from './policy.ts';

type Expression = Selector['matchExpressions'][number];

const isMet = ({ key, operator, values }: Expression, labels: Labels): boolean => {
  const value = labels[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
};

/** Whether the labels meet every one of the selector's demands; an empty selector has none. */
export const selects = ({ matchLabels, matchExpressions }: Selector, labels: Labels): boolean =>
  Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
  matchExpressions.every((expression) => isMet(expression, labels));
