import { createHash } from 'node:crypto';
import type { TaskSpec } from './spec.ts';

const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, item]) => `${JSON.stringify(name)}:${canonical(item)}`).join(',')}}`;
};

/** What makes two submissions the same: the parsed fields, whatever their order and spelling in JSON, and the zip's hash. */
export const bodyHash = (spec: TaskSpec, zipSha256: string | null): string =>
  createHash('sha256')
    .update(canonical(spec))
    .update('\n')
    .update(zipSha256 ?? '')
    .digest('hex');
