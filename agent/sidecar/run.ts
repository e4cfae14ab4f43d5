import { mkdir, rm } from 'node:fs/promises';
import { FailureError } from '../../tasks/failure.ts';
import { type Compartment, CompartmentLostError, CompartmentUnavailableError } from '../../tasks/ports/compartment.ts';
import type { RunExit, RunOrder } from '../../tasks/run.ts';
import type { RunDescription } from '../../tasks/run-protocol.ts';
import { runAgentKind } from './agent-run.ts';
import { collectArtifacts } from './artifacts.ts';
import { createEventStream } from './event-stream.ts';
import { createGatewayClient } from './gateway-client.ts';
import { createGatewayTransport } from './gateway-transport.ts';
import { failed, type Outcome } from './outcome.ts';
import { createRedaction } from './redaction.ts';
import { createRunLife, type RunLife } from './run-life.ts';
import type { DescribedRun, RunFolders, RunParts } from './run-parts.ts';
import { runVerifyKind } from './verify-run.ts';
import { createWorkspace } from './workspace.ts';

/** The gateway's cap on `detail`. */
const DETAIL_CHARACTERS = 16_000;

const outcomeOf = (error: unknown, life: RunLife): Outcome => {
  switch (life.cause()) {
    case 'stopped':
    case 'over':
      return { outcome: 'interrupted', reason: null, detail: 'the station stopped the run', exit_code: null };
    case 'timed_out':
      return failed('TIMED_OUT', 'the run was still working when its time was over');
    case null:
      if (error instanceof CompartmentUnavailableError) return failed('ISOLATION_UNAVAILABLE', error.message);
      if (error instanceof FailureError) return failed(error.reason, error.message);
      return failed('INTERNAL', error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  }
};

const exitOf = ({ outcome, reason, detail, exit_code: exitCode }: Outcome): RunExit => {
  if (outcome === 'interrupted') return { exitCode, cause: 'stopped', detail };
  if (reason === 'OUT_OF_MEMORY') return { exitCode, cause: 'out_of_memory', detail };
  if (reason === 'TIMED_OUT') return { exitCode, cause: 'timed_out', detail };
  if (reason === 'ISOLATION_UNAVAILABLE' || reason === 'NETWORK_NOT_ISOLATED') return { exitCode, cause: 'isolation', detail };
  if (reason === 'DISK_FULL') return { exitCode, cause: 'disk_full', detail };
  return { exitCode, cause: 'finished', detail };
};

const describe = (parts: RunParts, description: RunDescription): DescribedRun => ({
  ...parts,
  description,
  workspace: createWorkspace({
    compartment: parts.compartment,
    scratch: parts.folders.scratch,
    maxDeltaBytes: description.artifact_bytes,
    note: parts.note,
  }),
});

const work = async (run: DescribedRun): Promise<Outcome> => {
  const { description, order, events, life } = run;
  const change = description.resume === null ? 'started' : 'resumed';
  const detail = description.resume === null ? description.kind : `from ${description.resume.run_id}, turn ${description.resume.turn}`;
  events.emit({ type: 'run', data: { run_id: order.runId, change, detail } });
  try {
    return await (description.kind === 'agent' ? runAgentKind(run) : runVerifyKind(run));
  } catch (error) {
    if (error instanceof CompartmentLostError && life.cause() === null) throw error;
    return outcomeOf(error, life);
  }
};

/** Salvages what there is and tells the gateway the end; a success that can't show what it produced is none. */
const finish = async (run: DescribedRun, outcome: Outcome): Promise<Outcome> => {
  const { events, gateway, life, order, redaction } = run;
  const { artifacts, refused } = await collectArtifacts(run);
  const judged =
    outcome.outcome === 'succeeded' && refused.length > 0 ? failed('OUTPUT_INVALID', refused.join('; '), outcome.exit_code) : outcome;
  for (const sentence of refused) run.note(sentence);
  const final = { ...judged, detail: redaction.text(judged.detail).slice(0, DETAIL_CHARACTERS) };
  events.emit({ type: 'run', data: { run_id: order.runId, change: 'ended', detail: final.reason ?? final.outcome } });
  await events.close();
  await gateway.complete({ ...final, artifacts }, life.finishing);
  return final;
};

export interface RunEnd {
  readonly exit: RunExit;
  /** Whether the gateway has the completion record. */
  readonly recorded: boolean;
}

export interface Supervisor {
  /** Lives the run to its end; resolves when nothing of it executes any more. Never rejects: every end has its `RunExit`. */
  run(): Promise<RunEnd>;
  /** Asks for a last checkpoint and the end, within 8 s. */
  stop(): void;
}

/** Supervises one run from outside its compartment: the only one who holds the run's identity. */
export const createSupervisor = (deps: {
  readonly order: RunOrder;
  readonly folders: RunFolders;
  readonly compartment: Compartment;
  /** Whether anything may begin: the outcome of a run that may not, else null. */
  readonly admit?: (signal: AbortSignal) => Promise<Outcome | null>;
  /** As `RunParts.environment`. */
  readonly environment: RunParts['environment'];
  /** A line for the operator's log. */
  readonly warn: (text: string) => void;
}): Supervisor => {
  const { order, folders, compartment } = deps;
  const life = createRunLife(order.limits.timeMs);
  const redaction = createRedaction([order.identity]);
  const warn = (text: string) => deps.warn(redaction.text(text));
  const transport = createGatewayTransport({ url: order.gatewayUrl, identity: order.identity });
  const gateway = createGatewayClient(transport, () => life.stop('over'));
  const events = createEventStream({ gateway, life, warn });
  const note = (text: string) => {
    warn(text);
    void events.log('system', `${redaction.text(text)}\n`);
  };
  const parts: RunParts = {
    ...{ order, folders, compartment, transport, gateway, life, events, redaction, note },
    environment: deps.environment,
    endsAt: Date.now() + order.limits.timeMs,
  };
  const admit = async (): Promise<Outcome | null> => {
    try {
      return (await deps.admit?.(life.working)) ?? null;
    } catch (error) {
      return outcomeOf(error, life);
    }
  };
  const live = async (): Promise<RunEnd> => {
    let outcome: Outcome | null = null;
    try {
      await mkdir(folders.scratch, { recursive: true, mode: 0o700 });
      const run = describe(parts, await gateway.describe(life.working));
      outcome = (await admit()) ?? (await work(run));
      return { exit: exitOf(await finish(run, outcome)), recorded: true };
    } catch (error) {
      const told = error instanceof Error ? error.message : String(error);
      if (error instanceof CompartmentLostError) {
        // Its maker knows why, and says so where there is no completion.
        await events.close();
        return { exit: { exitCode: null, cause: 'lost', detail: told }, recorded: false };
      }
      const end = outcome ?? outcomeOf(error, life);
      const exit = exitOf(life.cause() === 'over' || life.cause() === 'stopped' ? outcomeOf(error, life) : end);
      return { exit: { ...exit, detail: redaction.text(`${end.detail}; the gateway was not told: ${told}`) }, recorded: false };
    }
  };
  return {
    stop: () => life.stop('stopped'),
    run: async () => {
      try {
        return await live();
      } finally {
        life.end();
        transport.close();
        await compartment.destroy();
        await Promise.all(['setup', 'agent'].map((name) => rm(`${folders.sockets}/${name}`, { recursive: true, force: true })));
      }
    },
  };
};
