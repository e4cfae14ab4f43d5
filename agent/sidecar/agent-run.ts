import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CompartmentLostError } from '../../tasks/ports/compartment.ts';
import { type AgentResult, agentResultSchema } from '../../tasks/run-protocol.ts';
import { runAgent } from './agent-program.ts';
import { type Checkpoints, createCheckpoints } from './checkpoints.ts';
import { fetchBlob } from './fetch-blob.ts';
import type { StoredBlob } from './gateway-client.ts';
import { createModelRelay } from './model-relay.ts';
import { agentOutcome, type Outcome } from './outcome.ts';
import { takeOutput } from './outputs.ts';
import { prepareCode } from './prepared-code.ts';
import { openProgramLog } from './program-log.ts';
import type { DescribedRun } from './run-parts.ts';
import { createTurnCounter, type TurnCounter } from './turn-counter.ts';
import { serveUnix } from './unix-server.ts';

const RESULT_BYTES = 1024 * 1024;
const SHOWN_LINES = 20;

const readResult = async (run: DescribedRun): Promise<AgentResult | null> => {
  const output = await takeOutput(run, 'result.json', { maxBytes: RESULT_BYTES, signal: run.life.finishing });
  if (output.state === 'refused') run.note(`result.json ${output.detail}`);
  if (output.state !== 'taken') return null;
  try {
    return agentResultSchema.safeParse(JSON.parse(await readFile(output.stored.path, 'utf8'))).data ?? null;
  } catch {
    return null;
  }
};

const reportTo = (run: DescribedRun) => (error: Error) => run.note(`the last checkpoint was not taken: ${error.message}`);

const serveAgent = async (
  run: DescribedRun,
  checkpoints: Checkpoints,
  turns: TurnCounter,
  resumed: StoredBlob | null,
): Promise<Outcome> => {
  const { folders, description, life, order } = run;
  const relay = createModelRelay({
    ...run,
    checkpoints,
    turns,
    scratch: folders.scratch,
    retryMs: description.model_retry_seconds * 1000,
    timeoutMs: description.model_timeout_seconds * 1000,
  });
  const sockets = join(folders.sockets, 'agent');
  await mkdir(sockets, { recursive: true });
  const door = await serveUnix(relay.server, join(sockets, 'model.sock'));
  const log = await openProgramLog({ ...run, path: join(folders.scratch, 'agent.log'), maxBytes: order.limits.logBytes, stream: 'agent' });
  let lost = false;
  try {
    const exit = await runAgent({
      ...run,
      transcript: resumed === null ? null : await readFile(resumed.path),
      taskFolder: folders.task,
      sockets,
      onOutput: log.write,
      timeLeftMs: Math.max(1, run.endsAt - Date.now()),
      signal: life.working,
    }).catch((error: unknown) => {
      lost = error instanceof CompartmentLostError;
      throw error;
    });
    life.working.throwIfAborted();
    return agentOutcome({ exit, result: await readResult(run), modelFailure: relay.failure(), lastLines: log.lastLines(SHOWN_LINES) });
  } finally {
    await log.close();
    await door.close();
    await relay.idle();
    // The successor gets what the agent did since its last turn, too.
    if (lost || life.cause() === 'stopped')
      await checkpoints.take(turns.current(), relay.transcript() ?? resumed, life.finishing).catch(reportTo(run));
  }
};

/** The agent's run: the code as its predecessor left it, the agent behind its relay, a checkpoint at each model turn. */
export const runAgentKind = async (run: DescribedRun): Promise<Outcome> => {
  const { description, gateway, life, folders } = run;
  const { resume } = description;
  const failure = await prepareCode(run, resume?.delta ?? null);
  if (failure !== null) return failure;
  const transcript = resume?.transcript ?? null;
  const path = join(folders.scratch, 'resumed.json');
  const resumed = transcript === null ? null : await fetchBlob({ gateway, signal: life.working }, transcript, path);
  const turns = createTurnCounter(resume === null ? null : { number: resume.turn, sha256: transcript?.sha256 ?? '' });
  return serveAgent(run, createCheckpoints(run), turns, resumed);
};
