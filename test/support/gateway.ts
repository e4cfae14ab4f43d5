import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGateway } from '../../api/gateway/gateway.ts';
import type { GatewayDeps, GatewayOptions } from '../../api/gateway/options.ts';
import { createFilesystemStore } from '../../platform/filesystem.ts';
import { createProcessLocks } from '../../platform/process/locks.ts';
import { createProcessRates } from '../../platform/process/rates.ts';
import { openSqliteStore } from '../../platform/sqlite.ts';
import { type RunKind, runIdOf } from '../../tasks/ids.ts';
import type { RunPhase } from '../../tasks/run.ts';
import { signRunIdentity } from '../../tasks/run-identity.ts';
import { type TaskSpec, taskSpecSchema } from '../../tasks/spec.ts';

export const MODEL_KEY = 'sk-canary-of-the-gateway-tests';
const SECRET = 'a'.repeat(64);

/** A small server on loopback that ends with everything it holds. */
export const listen = async (handler: RequestListener) => {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    server,
    port,
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
};

/** A gateway over the real store and folder, with what a test needs to play a sidecar. */
export const startGateway = async (options: Partial<GatewayOptions> = {}, deps: Partial<GatewayDeps> = {}) => {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-'));
  const file = join(folder, 'store.db');
  const stores = await openSqliteStore(file);
  const objects = createFilesystemStore({ root: join(folder, 'objects'), publicUrl: 'http://127.0.0.1', secret: SECRET });
  const logged: string[] = [];
  const note = (fields: object, message: string) => {
    const { err } = fields as { err?: Error };
    logged.push(`${message} ${JSON.stringify(fields)} ${err?.stack ?? ''} ${String(err?.cause ?? '')}`);
  };
  const make = () =>
    createGateway({
      stores,
      rates: createProcessRates(),
      locks: createProcessLocks(),
      objects,
      secret: SECRET,
      setupSecrets: async () => ({ NPM_TOKEN: 'canary' }),
      log: { info: note, warn: note, error: note },
      ...deps,
      options: {
        models: ['small', 'large'],
        modelPrices: { small: { input: 1, output: 10 } },
        modelBaseUrl: 'http://127.0.0.1:9/v1',
        modelApiKey: MODEL_KEY,
        modelTimeoutMs: 20_000,
        modelRetryMs: 600_000,
        modelRequestsPerMinute: 600,
        artifactBytes: 1024 * 1024,
        setupCache: { ageMs: 3_600_000, snapshotBytes: 1000 },
        agentCommands: [],
        setupScripts: ['setup.sh'],
        setupBranches: ['main'],
        egressHosts: [],
        egressPrivateHosts: [],
        ...options,
        caps: { recheckMs: 50, ...options.caps },
      },
    });
  const gateway = make();
  await new Promise<void>((resolve) => gateway.server.listen(0, '127.0.0.1', resolve));
  const { port } = gateway.server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const identityOf = (runId: string, expiresAt = Date.now() + 3_600_000) => signRunIdentity(SECRET, { runId, expiresAt });
  let drained = false;
  const drain = async (ms: number) => {
    drained = true;
    await gateway.drain(ms);
  };

  return {
    port,
    url,
    stores,
    objects,
    logged,
    identityOf,
    drain,
    task: async (id: string, spec: Partial<TaskSpec> = {}) => {
      const whole = taskSpecSchema.parse({ source: { type: 'zip' }, prompt: 'do it', ...spec });
      await stores.tasks.insert({ id, owner: 'tests', spec: whole });
    },
    /** Opens a run in a phase, and gives what its sidecar sends with. */
    run: async (taskId: string, phase: RunPhase = 'agent', kind: RunKind = 'agent', epoch = 1) => {
      const id = runIdOf(taskId, kind, epoch);
      await stores.runs.open({ id, taskId, kind, epoch });
      if (phase !== 'fetching') await stores.runs.write(id, { phase });
      const authorization = `Bearer ${identityOf(id)}`;
      return {
        id,
        authorization,
        send: (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
          fetch(`${url}${path}`, {
            method,
            headers: { authorization, ...headers },
            ...(body === undefined ? {} : { body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body) }),
          }),
      };
    },
    events: async (taskId: string, type: string) =>
      (await stores.events.read(taskId, 0, 1000)).events.filter((event) => event.type === type).map(({ data }) => data),
    close: async () => {
      if (!drained) await drain(0);
      await stores.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
};
export type TestGateway = Awaited<ReturnType<typeof startGateway>>;
