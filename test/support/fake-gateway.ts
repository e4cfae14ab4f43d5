import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import {
  type CheckpointReport,
  type CompletionReport,
  checkpointReportSchema,
  completionReportSchema,
  phaseReportSchema,
  type RunDescription,
  type RunEvents,
  runEventsSchema,
} from '../../tasks/run-protocol.ts';
import {
  type SetupDecision,
  type SetupLease,
  type SetupRequest,
  setupLeaseSchema,
  setupRequestSchema,
} from '../../tasks/setup-protocol.ts';

export interface AskedTurn {
  readonly turn: number;
  readonly path: string;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
}

export interface FakeGatewayScript {
  readonly identity: string;
  readonly description: RunDescription;
  /** The staged code, zstd-compressed; `codeFaults` downloads are cut in the middle first. */
  readonly code: Buffer;
  readonly codeFaults?: number;
  readonly secrets?: Readonly<Record<string, string>>;
  /** What the gateway says of a set-up script; allowed, with the secrets, where absent. */
  readonly decide?: (request: SetupRequest) => SetupDecision;
  /** What earlier set-ups made, by id. */
  readonly snapshots?: Readonly<Record<string, Buffer>>;
  /** Blobs of earlier runs. */
  readonly blobs?: readonly Buffer[];
  /** Answers one model request; `index` counts requests from 0. */
  readonly model?: (asked: AskedTurn, response: ServerResponse, index: number) => void | Promise<void>;
}

export const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');

/** The description of a plain agent run; a test names what matters to it. */
export const describeRun = (part: Partial<RunDescription> = {}): RunDescription => ({
  ...{ run_id: 'task-a1', task_id: 'task', kind: 'agent', prompt: 'do it', mode: 'modify', subfolder: null, verify_command: null },
  ...{ model: 'scripted', limits: { time_seconds: 60, setup_seconds: 30, steps: 10, tokens: 1000 } },
  ...{ model_retry_seconds: 30, model_timeout_seconds: 30, resume: null, patch: null, artifact_bytes: 1024 * 1024 },
  ...part,
});

/** A real HTTP server that speaks the run protocol by a script and remembers what it was told. */
export const startFakeGateway = async (script: FakeGatewayScript) => {
  const blobs = new Map((script.blobs ?? []).map((blob) => [sha256(blob), blob]));
  const events: RunEvents['events'] = [];
  const checkpoints: CheckpointReport[] = [];
  const completions: CompletionReport[] = [];
  const phases: string[] = [];
  const setups: SetupRequest[] = [];
  const leases: SetupLease[] = [];
  const snapshots = new Map(Object.entries(script.snapshots ?? {}));
  const turns: AskedTurn[] = [];
  const proxied: string[] = [];
  const refusedIdentities: string[] = [];
  /** What set-up and the agent wait for: resolved by the test's own steps. */
  let over = false;
  let codeFaults = script.codeFaults ?? 0;
  let server: Server | undefined;
  const sockets = new Set<Socket>();

  const json = (response: ServerResponse, content: unknown) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(content));
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const credential = request.headers['proxy-authorization'] ?? request.headers.authorization;
    if (credential !== `Bearer ${script.identity}`) {
      refusedIdentities.push(request.url ?? '');
      response.writeHead(401).end();
      return;
    }
    const url = request.url ?? '';
    const body = await buffer(request);
    if (/^http:/.test(url)) {
      proxied.push(`${request.method} ${url} ${JSON.stringify(request.headers)}`);
      response.end('through the proxy\n');
      return;
    }
    if (over) {
      response.writeHead(409).end('{"code":"RUN_OVER"}');
      return;
    }
    const blob = /^\/run\/blobs\/([0-9a-f]{64})$/.exec(url)?.[1];
    const snapshot = /^\/run\/setup\/snapshots\/([0-9a-f]{64})/.exec(url)?.[1];
    if (url === '/run') json(response, script.description);
    else if (url === '/run/code' && codeFaults > 0) {
      codeFaults -= 1;
      response.writeHead(200, { 'content-length': script.code.length }).write(script.code.subarray(0, script.code.length / 2), () => {
        response.destroy();
      });
    } else if (url === '/run/code') response.end(script.code);
    else if (blob !== undefined && request.method === 'PUT') {
      if (sha256(body) !== blob) throw new Error('a blob with another hash');
      blobs.set(blob, body);
      response.writeHead(204).end();
    } else if (blob !== undefined) response.end(blobs.get(blob));
    else if (url === '/run/phase') {
      phases.push(phaseReportSchema.parse(JSON.parse(body.toString())).phase);
      response.writeHead(204).end();
    } else if (url === '/run/setup') {
      const asked = setupRequestSchema.parse(JSON.parse(body.toString()));
      const decision = script.decide?.(asked) ?? {
        ...{ decision: 'allowed', detail: 'as you like', secrets: script.secrets ?? {}, cache: { use: 'nothing' } },
      };
      setups.push(asked);
      if (decision.decision === 'allowed') phases.push('setup');
      json(response, decision);
    } else if (url === '/run/setup/lease') {
      leases.push(setupLeaseSchema.parse(JSON.parse(body.toString())));
      response.writeHead(204).end();
    } else if (snapshot !== undefined && request.method === 'PUT') {
      snapshots.set(snapshot, body);
      response.writeHead(204).end();
    } else if (snapshot !== undefined) {
      const stored = snapshots.get(snapshot);
      if (stored === undefined) response.writeHead(404).end();
      else response.end(stored);
    } else if (url === '/run/events') {
      events.push(...runEventsSchema.parse(JSON.parse(body.toString())).events);
      response.writeHead(204).end();
    } else if (url === '/run/checkpoints') {
      checkpoints.push(checkpointReportSchema.parse(JSON.parse(body.toString())));
      response.writeHead(204).end();
    } else if (url === '/run/complete') {
      completions.push(completionReportSchema.parse(JSON.parse(body.toString())));
      response.writeHead(204).end();
    } else if (url.startsWith('/run/messages')) json(response, { messages: [{ seq: 1, id: 'm', text: url }] });
    else if (url.startsWith('/llm/')) {
      const asked = { turn: Number(request.headers['x-codebay-turn']), path: url, body: body.toString(), headers: request.headers };
      turns.push(asked);
      await script.model?.(asked, response, turns.length - 1);
    } else response.writeHead(404).end();
  };

  const listen = (port: number) =>
    new Promise<number>((resolve) => {
      const next = createServer((request, response) => {
        handle(request, response).catch((error: Error) => {
          if (!response.headersSent) response.writeHead(500).end(error.message);
        });
      });
      next.on('connection', (socket: Socket) => {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
      });
      next.on('connect', (request: IncomingMessage, socket: Socket) => {
        proxied.push(`CONNECT ${request.url} ${request.headers['proxy-authorization'] === `Bearer ${script.identity}`}`);
        if (request.url?.startsWith('closed.')) socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
        else {
          socket.write('HTTP/1.1 200 OK\r\n\r\n');
          socket.pipe(socket);
        }
      });
      next.listen(port, '127.0.0.1', () => resolve((next.address() as AddressInfo).port));
      server = next;
    });
  const port = await listen(0);
  const stop = () =>
    new Promise<void>((resolve) => {
      server?.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return {
    ...{ blobs, events, checkpoints, completions, phases, setups, leases, snapshots, turns, proxied, refusedIdentities, stop },
    url: `http://127.0.0.1:${port}`,
    /** The same address answers again after `stop`. */
    start: () => listen(port),
    /** From now on the run is over. */
    closeRun: () => {
      over = true;
    },
    /** The text of all log events of one stream. */
    log: (stream: string) =>
      events.map(({ event }) => (event.type === 'log' && event.data.stream === stream ? event.data.text : '')).join(''),
    /** An artifact of the completion as text; undefined where there is none. */
    artifact: (name: string) => {
      const found = completions.at(-1)?.artifacts.find((artifact) => artifact.name === name);
      return found === undefined ? undefined : blobs.get(found.sha256)?.toString();
    },
  };
};

export type FakeGateway = Awaited<ReturnType<typeof startFakeGateway>>;
