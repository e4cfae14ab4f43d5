import { OpenAPIHono } from '@hono/zod-openapi';
import { describeIssues } from './capped-body.ts';
import type { ApiDeps } from './deps.ts';
import type { ApiEnvironment } from './environment.ts';
import { accessLog } from './middleware/access-log.ts';
import { auth } from './middleware/auth.ts';
import { errors } from './middleware/errors.ts';
import { head } from './middleware/head.ts';
import { host } from './middleware/host.ts';
import { createKnownKeys } from './middleware/known-keys.ts';
import { ownerRate } from './middleware/owner-rate.ts';
import { standardHeaders } from './middleware/standard-headers.ts';
import { ApiProblem } from './problem.ts';
import { artifactRoutes } from './routes/artifacts.ts';
import { cancelRoutes } from './routes/cancel.ts';
import { diffRoutes } from './routes/diff.ts';
import { docsRoutes } from './routes/docs.ts';
import { eraseRoutes } from './routes/erase.ts';
import { eventRoutes } from './routes/events.ts';
import { healthRoutes } from './routes/health.ts';
import { logRoutes } from './routes/logs.ts';
import { messageRoutes } from './routes/messages.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { objectRoutes } from './routes/objects.ts';
import { submitRoutes } from './routes/submit.ts';
import { taskRoutes } from './routes/tasks.ts';

/** The public API. Needs no listener: `app.request` serves it in tests. Every error is problem+json. */
export const createApp = (deps: ApiDeps): OpenAPIHono<ApiEnvironment> => {
  const app = new OpenAPIHono<ApiEnvironment>({
    defaultHook: (result) => {
      if (!result.success) throw new ApiProblem('INVALID_REQUEST', describeIssues(result.error));
    },
  });
  app.onError(errors(deps.log));
  app.notFound(() => {
    throw new ApiProblem('NOT_FOUND', 'There is nothing at this address.');
  });
  app.use(standardHeaders(), accessLog(deps.log, deps.metrics), head(), host(deps.options.hostnames));
  app.use('/v1/*', auth(createKnownKeys(deps.stores.apiKeys, deps.now ?? Date.now)), ownerRate(deps.rates, deps.options.ownerLimits));

  submitRoutes(app, deps);
  taskRoutes(app, deps);
  cancelRoutes(app, deps);
  messageRoutes(app, deps);
  eventRoutes(app, deps);
  logRoutes(app, deps);
  artifactRoutes(app, deps);
  diffRoutes(app, deps);
  eraseRoutes(app, deps);
  if (deps.links !== null) objectRoutes(app, deps.links);
  healthRoutes(app, deps);
  metricsRoutes(app, deps);
  docsRoutes(app);
  return app;
};
