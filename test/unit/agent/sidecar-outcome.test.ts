import { agentOutcome } from '../../../agent/sidecar/outcome.ts';
import type { CompartmentExit } from '../../../tasks/ports/compartment.ts';
import type { AgentResult } from '../../../tasks/run-protocol.ts';

const completed: AgentResult = { status: 'completed', reason: null, detail: 'did it', steps: 1 };
const stuck: AgentResult = { status: 'failed', reason: 'AGENT_STUCK', detail: 'round and round', steps: 1 };
const odd: AgentResult = { status: 'failed', reason: 'MADE_UP', detail: 'hm', steps: 1 };
const ended = (exitCode: number): CompartmentExit => ({ exitCode, cause: 'finished' });

test.each([
  ['a result that says completed', ended(0), completed, null, 'succeeded', null],
  ['completed, but a bad exit code', ended(1), completed, null, 'failed', 'AGENT_FAILED'],
  ['exit 0 without a result', ended(0), null, null, 'failed', 'AGENT_FAILED'],
  ['a known reason of its own', ended(1), stuck, 'MODEL_AUTH', 'failed', 'AGENT_STUCK'],
  ['a reason nobody knows', ended(1), odd, null, 'failed', 'AGENT_FAILED'],
  ['no word, but a model that refused', ended(1), null, 'MODEL_AUTH', 'failed', 'MODEL_AUTH'],
  ['memory that a command of its ran out of before', { exitCode: 1, cause: 'out_of_memory' }, stuck, null, 'failed', 'AGENT_STUCK'],
  ['memory, for an agent that says no reason', { exitCode: 137, cause: 'out_of_memory' }, completed, null, 'failed', 'OUT_OF_MEMORY'],
  ['disk, whatever it says', { exitCode: null, cause: 'disk_full' }, stuck, null, 'failed', 'DISK_FULL'],
  ['time, whatever it says', { exitCode: null, cause: 'timed_out' }, completed, 'MODEL_AUTH', 'failed', 'TIMED_OUT'],
] as const)('%s', (_, exit, result, modelFailure, outcome, reason) => {
  expect(agentOutcome({ exit, result, modelFailure, lastLines: 'last' })).toMatchObject({ outcome, reason });
});
