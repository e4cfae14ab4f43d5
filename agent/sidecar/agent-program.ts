import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Compartment, CompartmentExit } from '../../tasks/ports/compartment.ts';
import type { AgentTask, RunDescription } from '../../tasks/run-protocol.ts';

const TASK = 'task.json';
const TRANSCRIPT = 'transcript.json';

/** What the agent is told; paths as it sees them. */
const agentTask = (compartment: Compartment, description: RunDescription, secondsLeft: number, resumed: boolean): AgentTask => {
  const { paths } = compartment;
  return {
    id: description.task_id,
    prompt: description.prompt,
    mode: description.mode,
    code: paths.code,
    working_folder: description.subfolder === null ? paths.code : `${paths.code}/${description.subfolder}`,
    output: paths.output,
    limits: { time_seconds: secondsLeft, steps: description.limits.steps, tokens: description.limits.tokens },
    model: description.model,
    model_retry_seconds: description.model_retry_seconds,
    model_timeout_seconds: description.model_timeout_seconds,
    ...(description.agent_commands === undefined ? {} : { commands: description.agent_commands }),
    resume_from: resumed ? `${paths.task}/${TRANSCRIPT}` : null,
  };
};

const readable = async (path: string, content: string | Buffer): Promise<void> => {
  await writeFile(path, content);
  // Another uid reads it; the process's umask must not decide that.
  await chmod(path, 0o644);
};

/** Starts the agent, whose only door is the folder of sockets, and waits for its end. */
export const runAgent = async (deps: {
  readonly compartment: Compartment;
  readonly description: RunDescription;
  /** The last model request of the run before. */
  readonly transcript: Buffer | null;
  /** The host's side of `paths.task`. */
  readonly taskFolder: string;
  readonly sockets: string;
  readonly onOutput: (chunk: Buffer) => Promise<void>;
  readonly timeLeftMs: number;
  readonly signal: AbortSignal;
}): Promise<CompartmentExit> => {
  const { compartment, description, transcript, taskFolder, timeLeftMs } = deps;
  const { paths } = compartment;
  await mkdir(taskFolder, { recursive: true });
  if (transcript !== null) await readable(join(taskFolder, TRANSCRIPT), transcript);
  const task = agentTask(compartment, description, Math.ceil(timeLeftMs / 1000), transcript !== null);
  await readable(join(taskFolder, TASK), JSON.stringify(task));
  const forwarder = [`${paths.install}/agent/forwarder.ts`, '--model', `${paths.sockets}/model.sock`];
  return compartment.run({
    argv: [paths.node, ...forwarder, '--', paths.node, `${paths.install}/agent/main.ts`, '--task', `${paths.task}/${TASK}`],
    cwd: task.working_folder,
    sockets: deps.sockets,
    onStdout: deps.onOutput,
    timeoutMs: timeLeftMs,
    signal: deps.signal,
  });
};
