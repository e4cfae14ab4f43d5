import { chown, cp, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { readLocalStation } from '../../cli/up/local-station.ts';
import { makeRepository } from '../../demo/project-repository.ts';
import { dataPaths } from '../../platform/settings.ts';
import type { ArtifactName } from '../../tasks/artifacts.ts';
import type { TaskView } from '../../tasks/task-view.ts';
import type { TaskBench } from './e2e-task.ts';
import type { HostTargets } from './hostile-host.ts';
import { processesWith } from './sandbox-client.ts';
import { lastContent, type ModelScript } from './scripted-model.ts';

const PROJECT = join(import.meta.dirname, 'hostile-project');
/** More than an ordinary user's station has by itself: the kernel may count both together. */
export const HOSTILE_PROCESSES = 256;
const FORKS = 400;
const MODEL_KEY = `model-key-${process.pid}`;

/** What a station needs for a hostile task. */
export const HOSTILE_ENV = { OPENAI_API_KEY: MODEL_KEY, CODEBAY_RUN_PROCESSES: String(HOSTILE_PROCESSES) };

const names = z.array(z.string());
const findingsSchema = z.object({
  phase: z.string(),
  uid: z.number(),
  connected: names,
  interfaces: names,
  listening: z.number(),
  doors: z.object({ statuses: z.array(z.number()), proxies: z.number() }),
  sockets: names,
  proxy: z.number(),
  read: names,
  wrote: names,
  secrets: names,
  searched: z.number(),
  escaped: names,
  daemon: z.boolean(),
  forked: z.number(),
});
/** What the hostile program prints on its last line; each name is something that it reached. */
export type Findings = z.output<typeof findingsSchema>;

const findingsIn = (text: string): Findings => {
  const line = text.split('\n').findLast((candidate) => candidate.startsWith('FOUND '));
  if (line === undefined) throw new Error(`the hostile program did not finish: ${text.slice(-2000)}`);
  return findingsSchema.parse(JSON.parse(line.slice('FOUND '.length)));
};

const halves = (secret: string): [string, string] => [secret.slice(0, secret.length / 2), secret.slice(secret.length / 2)];

const tcpTargets = (bench: TaskBench): Record<string, { host: string; port: number }> => {
  const { ports } = readLocalStation({ CODEBAY_DATA: bench.dataDir }).station ?? { ports: {} };
  const servers = { ...ports, git: Number(new URL(bench.repositoryUrl).port), model: Number(new URL(bench.model.url).port) };
  const addresses = Object.values(networkInterfaces()).flatMap((all = []) => all.filter(({ family }) => family === 'IPv4'));
  return Object.fromEntries(
    addresses.flatMap(({ address: host, internal }) =>
      Object.entries(servers).map(([name, port]) => [internal ? name : `${name} at ${host}`, { host, port }]),
    ),
  );
};

const targetsOf = async (bench: TaskBench, host: HostTargets, how: { readonly home: string; readonly sandboxed: boolean }) => {
  const { dataDir } = bench;
  const paths = dataPaths(dataDir);
  const neighbour = join(paths.runs, 'neighbour');
  await mkdir(neighbour, { recursive: true });
  const { uid, gid } = await stat(dataDir);
  await chown(paths.runs, uid, gid);
  const { abstract, file } = host.sockets;
  return {
    sandboxed: how.sandboxed,
    daemon: host.word,
    forks: FORKS,
    connect: { ...tcpTargets(bench), 'abstract socket': { path: abstract }, 'socket file': { path: file } },
    mirror: host.mirror,
    socketFolders: [how.sandboxed ? '/' : host.folder],
    read: { home: how.home, 'data folder': dataDir, 'API key': paths.apiKey, neighbour, 'file of the host': host.file },
    write: {
      really: {
        code: '.',
        'own home': '$HOME',
        'own tmp': '$TMPDIR',
        'folder of the host': host.folder,
        'data folder': dataDir,
        neighbour,
      },
      asked: [
        '/',
        '/etc',
        '/usr',
        '/opt/codebay',
        '/opt/codebay/agent',
        '/app',
        '/app/task',
        '/app/task.json',
        '/run',
        '/run/codebay',
        '/var',
      ],
    },
    secrets: {
      'the model key': halves(MODEL_KEY),
      'the API key': halves(bench.station.apiKey),
      "the station's secret": halves((await readFile(paths.secret, 'utf8')).trim()),
    },
    roots: [how.sandboxed ? '/' : dataDir],
    bystander: host.bystander,
  };
};

/** A model that orders the hostile program and then looks which of its daemons run on the host. */
export const createHostileModel = (host: HostTargets) => {
  const seen = { observation: '', ofSetup: Number.NaN, ofAgent: Number.NaN };
  const script: ModelScript = (request) => {
    const observed = request.body.messages.filter((message) => message.role === 'tool');
    if (observed.length === 0) {
      seen.ofSetup = processesWith(`${host.word}-setup`).length;
      return { calls: [{ name: 'shell', arguments: { command: 'sh probe.sh agent' } }] };
    }
    seen.observation = lastContent(request);
    seen.ofAgent = processesWith(`${host.word}-agent`).length;
    return { text: 'I looked around.' };
  };
  return { script, seen };
};

export interface HostileTask {
  readonly task: TaskView;
  readonly setup: Findings;
  readonly agent: Findings;
  readonly verify: Findings;
  /** How many daemons of the hostile program ran: set-up's when the agent began, the agent's between two turns, anybody's when the task had finished. */
  readonly daemons: { readonly ofSetup: number; readonly ofAgent: number; readonly afterwards: number };
}

/** Runs the hostile program in every phase of one task. */
export const runHostileTask = async (
  bench: TaskBench,
  host: HostTargets,
  model: ReturnType<typeof createHostileModel>,
  how: { readonly home: string; readonly sandboxed: boolean },
): Promise<HostileTask> => {
  const project = join(bench.folder, 'hostile-files');
  await cp(PROJECT, project, { recursive: true });
  await writeFile(join(project, 'targets.json'), JSON.stringify(await targetsOf(bench, host, how)));
  await makeRepository(project, bench.folder, 'hostile');
  await rm(project, { recursive: true });
  const url = bench.repositoryUrl.replace(/[^/]+$/, 'hostile.git');
  const submitted = await bench.submit({ source: { type: 'git', url }, verify: { command: 'sh probe.sh verify' } });
  const task = await bench.finished(submitted.id, 90_000);
  const afterwards = ['setup', 'agent', 'verify'].flatMap((phase) => processesWith(`${host.word}-${phase}`)).length;
  if (task.status !== 'COMPLETED') throw new Error(`the task ended as ${JSON.stringify(task.failure)}`);
  const log = async (name: ArtifactName): Promise<string> => (await bench.client.artifact(task.id, name)).text();
  const { observation, ofSetup, ofAgent } = model.seen;
  return {
    task,
    setup: findingsIn(await log('setup.log')),
    agent: findingsIn(observation),
    verify: findingsIn(await log('verify.log')),
    daemons: { ofSetup, ofAgent, afterwards },
  };
};
