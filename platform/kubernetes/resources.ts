import type { V1ResourceRequirements } from '@kubernetes/client-node';
import type { RunLimits } from '../../tasks/run.ts';
import { MEMORY_BYTES } from '../pod/bounds.ts';
import type { PodContainer } from '../pod/layout.ts';

const MiB = 1024 * 1024;

/** What an operator grants every run beyond its `RunLimits`. */
export interface RunShares {
  /** In cores: what the agent's part is promised, and the most it gets. */
  readonly cpuRequest: number;
  readonly cpuLimit: number;
  /** What the agent's part is promised; its limit is `RunLimits.memoryBytes`. */
  readonly memoryRequestBytes: number;
}

const SIDECAR_MEMORY = { request: 128 * MiB, limit: MEMORY_BYTES.sidecar };
const TOOLS_MEMORY = { request: 64 * MiB, limit: MEMORY_BYTES.tools };
/** Asked for, so that a node without any room is no candidate; what a run may really take is its limit. */
const DISK_REQUEST = 512 * MiB;

const cores = (count: number): string => `${Math.round(count * 1000)}m`;

const bounds = (
  cpu: { readonly request: number; readonly limit: number },
  memory: { readonly request: number; readonly limit: number },
  disk: { readonly request: number; readonly limit: number },
): V1ResourceRequirements => ({
  requests: {
    cpu: cores(cpu.request),
    memory: String(Math.min(memory.request, memory.limit)),
    'ephemeral-storage': String(Math.min(disk.request, disk.limit)),
  },
  limits: { cpu: cores(cpu.limit), memory: String(memory.limit), 'ephemeral-storage': String(disk.limit) },
});

/** What one container of a run may use. The disk limits add up to the pod's, which its volumes count against. */
export const resourcesOf = (container: PodContainer, limits: RunLimits, shares: RunShares): V1ResourceRequirements => {
  switch (container) {
    case 'sidecar':
      return bounds({ request: 0.05, limit: 1 }, SIDECAR_MEMORY, { request: 0, limit: limits.diskBytes });
    case 'tools':
      return bounds({ request: 0.05, limit: shares.cpuLimit }, TOOLS_MEMORY, { request: 0, limit: limits.diskBytes });
    case 'agent':
      return bounds(
        { request: shares.cpuRequest, limit: shares.cpuLimit },
        { request: shares.memoryRequestBytes, limit: limits.memoryBytes },
        { request: DISK_REQUEST, limit: limits.diskBytes },
      );
  }
};
