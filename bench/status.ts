import { fork } from 'node:child_process';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { createTestApi, submitted } from '../test/support/api.ts';
import { compare, type Ratio } from './rounds.ts';
import { serve } from './status/serve.ts';

/** `GET` of a task, as a client asks for it, against Hono with one prepared read of the same row from the same SQLite file. */
export const run = async (): Promise<readonly Ratio[]> => {
  const api = await createTestApi({ override: () => ({ log: { info: () => {}, warn: () => {}, error: () => {} } }) });
  const id = await submitted(api, { status: 'PROCESSING', phase: 'RUNNING_AGENT' });
  const database = new DatabaseSync(`${api.data}/store.db`, { readOnly: true });
  const statement = database.prepare('select * from tasks where id = ?');
  const size = (await (await api.request(`/v1/tasks/${id}`)).text()).length;
  const padding = ' '.repeat(Math.max(0, size - JSON.stringify(statement.get(id)).length));
  // As many bytes go out as ours sends.
  const bareApp = new Hono().get('/v1/tasks/:id', (c) => c.json({ ...statement.get(c.req.param('id')), padding }));
  const load = fork(fileURLToPath(new URL('./status/load.ts', import.meta.url)));
  const path = `/v1/tasks/${id}`;
  const ours = await serve(getRequestListener(api.app.fetch), load, path, { authorization: `Bearer ${api.key}` });
  const bare = await serve(getRequestListener(bareApp.fetch), load, path, { authorization: `Bearer ${api.key}` });
  try {
    return [
      await compare({ name: 'status', unit: 'requests/s', ours: ours.requestsPerSecond, bare: bare.requestsPerSecond }),
      await compare({ name: 'status-cpu', unit: 'requests/CPU s', ours: ours.requestsPerCpuSecond, bare: bare.requestsPerCpuSecond }),
    ];
  } finally {
    load.disconnect();
    ours.close();
    bare.close();
    database.close();
    await api.close();
  }
};
