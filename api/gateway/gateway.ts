import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { createAdmission } from './admission.ts';
import { createConnections } from './egress/connections.ts';
import { dialAddresses, systemResolver } from './egress/dial.ts';
import { createEgressProxy, isAbsoluteForm } from './egress/proxy.ts';
import { createEgressRecord } from './egress/record.ts';
import { createEgressRules } from './egress/rules.ts';
import { asGatewayError, errorResponse } from './error-response.ts';
import { GatewayError } from './gateway-error.ts';
import { createHealthRoutes } from './health.ts';
import { createLiveWork } from './live-work.ts';
import { createJournal } from './model/journal.ts';
import { createModelCall } from './model/model-call.ts';
import { createModelRoutes } from './model/routes.ts';
import { createTurns } from './model/turns.ts';
import { DEFAULT_GATEWAY_CAPS, type GatewayDeps } from './options.ts';
import { createRate, createSharedRate } from './rate.ts';
import { createAnnouncer } from './run/announcer.ts';
import { createRunRoutes } from './run/routes.ts';
import type { GatewayEnv } from './send-stream.ts';

const LOOK_EVERY_MS = 50;

export interface GatewayServer {
  /** Not listening yet. */
  readonly server: Server;
  /** Takes nothing new, lets requests and model turns come to their end for up to `ms`, then ends everything; the stores may be closed afterwards. */
  drain(ms: number): Promise<void>;
}

/** The only peer of a run: code in, reports out, the model, and the way out of set-up. Needs a listener of its own. */
export const createGateway = (deps: GatewayDeps): GatewayServer => {
  const { stores, objects, options, log } = deps;
  const now = deps.now ?? Date.now;
  const caps = { ...DEFAULT_GATEWAY_CAPS, ...options.caps };
  const draining = new AbortController();
  const admission = createAdmission({ stores, secret: deps.secret, now });
  const announce = createAnnouncer({ events: stores.events, now });
  const liveWork = createLiveWork({ stores, recheckMs: caps.recheckMs, log });

  const turns = createTurns({
    ledger: stores.ledger,
    journal: createJournal({ ledger: stores.ledger, objects }),
    call: createModelCall({
      fetch: deps.fetch ?? fetch,
      baseUrl: options.modelBaseUrl,
      apiKey: options.modelApiKey,
      timeoutMs: options.modelTimeoutMs,
      answerBytes: caps.modelAnswerBytes,
      now,
    }),
    announce,
    liveWork,
    rate: createSharedRate(deps.rates, 'model requests', options.modelRequestsPerMinute, 'MODEL_RATE_LIMITED'),
    prices: options.modelPrices,
    log,
  });
  const record = createEgressRecord({ ledger: stores.egress, announce, log, now });
  const connections = createConnections({
    admission,
    rule: createEgressRules({
      hosts: options.egressHosts,
      privateHosts: options.egressPrivateHosts,
      resolveHost: deps.resolveHost ?? systemResolver,
    }),
    dial: deps.dial ?? dialAddresses,
    record,
    liveWork,
    rate: createRate('connections', caps.connectionsPerMinute, now),
    caps,
  });
  const proxy = createEgressProxy({ admission, connections, log });

  const notFound = () => new GatewayError(404, 'NOT_FOUND', 'the gateway has nothing here');
  const llm = createModelRoutes({ admission, turns, options, caps, draining: draining.signal });
  llm.onError((error) => errorResponse(asGatewayError(error, log), 'openai'));
  const run = createRunRoutes({ ...deps, admission, announce, liveWork, caps, now, draining: draining.signal });
  const app = new Hono<GatewayEnv>()
    .route('/run', run)
    .route('/llm', llm)
    .route('/', createHealthRoutes({ tasks: stores.tasks, stopping: deps.stopping }))
    .onError((error) => errorResponse(asGatewayError(error, log), 'problem'))
    .notFound((c) => errorResponse(notFound(), c.req.path.startsWith('/llm/') ? 'openai' : 'problem'));

  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  const replies = new Map<ServerResponse, Promise<unknown>>();
  const server = createServer((message, reply) => {
    const closed = new Promise<void>((resolve) => reply.once('close', resolve));
    replies.set(
      reply,
      closed.then(() => replies.delete(reply)),
    );
    if (isAbsoluteForm(message.url)) void proxy.forward(message, reply);
    else void listener(message, reply);
  });
  // Tunnels leave the HTTP server's own list, so a drain needs one of its own.
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('connect', (message, client, head) => void proxy.connect(message, client, head));

  return {
    server,
    drain: async (ms) => {
      draining.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // A sidecar's connection that is kept alive becomes idle again and again, and Node looks only once.
      const idle = setInterval(() => server.closeIdleConnections(), LOOK_EVERY_MS);
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, ms);
      await Promise.race([Promise.all([turns.landed(), ...replies.values()]), late]);
      clearTimeout(timer);
      liveWork.close();
      await turns.landed();
      clearInterval(idle);
      for (const socket of sockets) socket.destroy();
      await closed;
      await record.written();
    },
  };
};
