import { type Context, Hono } from 'hono';
import type { Admission, AdmittedRun } from '../admission.ts';
import { GatewayError } from '../gateway-error.ts';
import type { GatewayCaps, GatewayOptions } from '../options.ts';
import { readBody } from '../request-body.ts';
import { type GatewayEnv, sendStream } from '../send-stream.ts';
import { modelError, refusedRequest } from './model-error.ts';
import { type ModelEndpoint, modelRequestOf } from './model-request.ts';
import type { Turns } from './turns.ts';

/** `/llm/v1/*`: OpenAI's protocol as far as an agent needs it, and nothing that could be a way out. */
export const createModelRoutes = (deps: {
  readonly admission: Admission;
  readonly turns: Turns;
  readonly options: GatewayOptions;
  readonly caps: GatewayCaps;
  /** Aborts when the gateway drains: no turn begins. */
  readonly draining: AbortSignal;
}): Hono<GatewayEnv> => {
  const admit = async (c: Context): Promise<AdmittedRun> => {
    const admitted = await deps.admission.admit(deps.admission.identify(c.req.header('authorization')));
    if (admitted.run.kind !== 'agent' || admitted.run.phase !== 'agent') {
      throw new GatewayError(403, 'NOT_IN_AGENT_PHASE', 'the model answers while the agent runs only');
    }
    return admitted;
  };
  const modelsOf = ({ task }: AdmittedRun): readonly string[] => (task.spec.model === undefined ? deps.options.models : [task.spec.model]);

  const ask = (endpoint: ModelEndpoint) => async (c: Context<GatewayEnv>) => {
    const admitted = await admit(c);
    if (deps.draining.aborted) {
      throw modelError(503, 'MODEL_UNAVAILABLE', 'the station is restarting', { retryAfterSeconds: 1 });
    }
    const turn = c.req.header('x-codebay-turn') ?? '';
    if (!/^\d{1,9}$/.test(turn)) throw refusedRequest('x-codebay-turn: this header must number the turn');
    const body = await readBody(c.req.raw, deps.caps.modelRequestBytes);
    const request = modelRequestOf(endpoint, body, { models: modelsOf(admitted), capTokens: deps.caps.outputTokens });
    const { head, body: answer } = await deps.turns.ask(admitted, Number(turn), request);
    const { contentType, requestId } = head;
    return sendStream(c, answer, { 'content-type': contentType, ...(requestId === null ? {} : { 'x-request-id': requestId }) });
  };

  return new Hono<GatewayEnv>()
    .post('/v1/chat/completions', ask('chat/completions'))
    .post('/v1/responses', ask('responses'))
    .get('/v1/models', async (c) => {
      const data = modelsOf(await admit(c)).map((id) => ({ id, object: 'model', created: 0, owned_by: 'codebay' }));
      return c.json({ object: 'list', data });
    });
};
