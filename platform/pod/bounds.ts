import type { RunLimits } from '../../tasks/run.ts';
import type { PodVolume } from './layout.ts';

const MiB = 1024 * 1024;

/** What the parts that are ours may use at most; the agent's part has `RunLimits.memoryBytes`. */
export const MEMORY_BYTES = {
  /** A Node process that passes streams on: 90 MiB at rest, more under many open streams. */
  sidecar: 512 * MiB,
  /** git and tar over the whole workspace, now and then. */
  tools: 1024 * MiB,
} as const;

/** How large a volume of a run may grow, in bytes. What stands in memory counts against the memory of whoever wrote it. */
export const volumeBytesOf = (volume: PodVolume, limits: RunLimits): number => {
  switch (volume) {
    case 'order':
    case 'sockets':
      return MiB;
    case 'control-agent':
    case 'control-tools':
      return 16 * MiB;
    case 'task':
      return 16 * MiB;
    case 'output':
    case 'scratch':
    case 'code':
    case 'home':
    case 'tmp':
    case 'side':
    case 'tools-tmp':
      return limits.diskBytes;
  }
};
