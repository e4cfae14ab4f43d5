import { once } from 'node:events';
import { connectCluster } from '../../../platform/kubernetes/connection.ts';
import { listWatch } from '../../../platform/kubernetes/list-watch.ts';
import { jobSchema } from '../../../platform/kubernetes/objects.ts';
import { type ApiScript, answer, startScriptedApiServer, tell } from '../../support/scripted-api-server.ts';

const job = (name: string, resourceVersion: string) => ({
  metadata: { name, uid: `uid-${name}`, resourceVersion, creationTimestamp: '2026-11-24T10:00:00Z', managedFields: ['much'] },
  spec: { much: true },
});
const page = (resourceVersion: string, items: readonly object[], more?: string) => ({
  metadata: { resourceVersion, continue: more },
  items,
});

/** Follows a scripted collection until `changes` has so many entries: `+name@version`, `-name`. */
const follow = async (script: ApiScript, untilChanges: number, watchSeconds = 10) => {
  await using server = await startScriptedApiServer(script);
  const closing = new AbortController();
  const changes: string[] = [];
  const warnings: unknown[] = [];
  const told = new EventTarget();
  const ended = listWatch(
    {
      cluster: connectCluster(server.config),
      path: '/jobs',
      labelSelector: 'a=b',
      schema: jobSchema,
      onObject: ({ metadata }, gone) => {
        changes.push(gone ? `-${metadata.name}` : `+${metadata.name}@${metadata.resourceVersion}`);
        if (changes.length === untilChanges) told.dispatchEvent(new Event('enough'));
      },
      onListed: () => undefined,
      log: { warn: (fields) => warnings.push(fields) },
      watchSeconds,
    },
    closing.signal,
  );
  await once(told, 'enough');
  closing.abort();
  await ended;
  return { changes, warnings, requests: server.requests };
};
const isWatch = ({ query }: { readonly query: Readonly<Record<string, string>> }) => query.watch === 'true';

it('lists in pages, then watches from there with bookmarks', async () => {
  const { changes, requests } = await follow((request, response) => {
    if (request.query.continue === 'next') return answer(response, page('5', [job('b', '2')]));
    if (!isWatch(request)) return answer(response, page('5', [job('a', '1')], 'next'));
    tell(response, 'MODIFIED', job('a', '6'));
    tell(response, 'DELETED', job('b', '7'));
    return tell(response, 'ADDED', job('c', '8'));
  }, 5);
  expect(changes).toEqual(['+a@1', '+b@2', '+a@6', '-b', '+c@8']);
  expect(requests.map(({ query }) => query)).toEqual([
    { labelSelector: 'a=b', limit: '500' },
    { labelSelector: 'a=b', limit: '500', continue: 'next' },
    { labelSelector: 'a=b', watch: 'true', allowWatchBookmarks: 'true', resourceVersion: '5', timeoutSeconds: '10' },
  ]);
});

it('goes on from the last bookmark when the server ends its watch in time', async () => {
  const { changes, requests, warnings } = await follow((request, response) => {
    if (!isWatch(request)) return answer(response, page('5', []));
    if (request.query.resourceVersion === '9') return tell(response, 'ADDED', job('a', '10'));
    tell(response, 'BOOKMARK', { metadata: { resourceVersion: '9' } });
    return response.end();
  }, 1);
  expect(changes).toEqual(['+a@10']);
  expect(requests.filter((request) => !isWatch(request))).toHaveLength(1);
  expect(warnings).toEqual([]);
});

it.each<[string, ApiScript]>([
  ['as an event', (_, response) => tell(response, 'ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' })],
  ['as an answer', (_, response) => answer(response, { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' }, 410)],
])('lists again after 410 Gone, told %s, and tells only what has changed', async (_, gone) => {
  let lists = 0;
  const { changes, warnings } = await follow((request, response, nth) => {
    if (isWatch(request)) return lists === 1 ? gone(request, response, nth) : undefined;
    lists += 1;
    return answer(response, lists === 1 ? page('5', [job('same', '1'), job('gone', '2')]) : page('9', [job('same', '1'), job('new', '8')]));
  }, 4);
  expect(changes).toEqual(['+same@1', '+gone@2', '-gone', '+new@8']);
  expect(warnings).toEqual([]);
});

it.each<[string, ApiScript]>([
  ['breaks off in the middle of a line', (_, response) => void response.writeHead(200).write('{"type":"ADD', () => response.destroy())],
  ['is refused', (_, response) => answer(response, { kind: 'Status', reason: 'Forbidden', message: 'no' }, 403)],
  ['fails with an error', (_, response) => answer(response, {}, 500)],
  ['tells what is no JSON', (_, response) => void response.writeHead(200).write('nonsense\n')],
  ['tells an error', (_, response) => tell(response, 'ERROR', { code: 500, message: 'etcd' })],
])('lists again, and says so, when a watch %s', async (_, fault) => {
  let lists = 0;
  const { changes, warnings } = await follow((request, response, nth) => {
    if (isWatch(request)) return lists === 1 ? fault(request, response, nth) : undefined;
    lists += 1;
    return answer(response, page(String(lists), lists === 1 ? [] : [job('a', '3')]));
  }, 1);
  expect(changes).toEqual(['+a@3']);
  expect(warnings).toHaveLength(1);
});

it('gives a watch up that stays silent beyond its time', async () => {
  let lists = 0;
  const startedAt = performance.now();
  const { changes } = await follow(
    (request, response) => {
      // Neither bytes nor an end: as behind a load balancer that forgot the connection.
      if (isWatch(request)) return void response.writeHead(200).flushHeaders();
      lists += 1;
      return answer(response, page(String(lists), lists === 1 ? [] : [job('a', '3')]));
    },
    1,
    1,
  );
  expect(changes).toEqual(['+a@3']);
  expect(performance.now() - startedAt).toBeGreaterThan(2_900);
  expect(performance.now() - startedAt).toBeLessThan(10_000);
});

it('asks a server that ends each watch at once less and less often', async () => {
  let watches = 0;
  const startedAt = performance.now();
  await follow((request, response) => {
    if (!isWatch(request)) return answer(response, page('1', []));
    watches += 1;
    if (watches === 4) return tell(response, 'ADDED', job('a', '2'));
    return response.writeHead(200).end();
  }, 1);
  // 0, 100 and 200 ms.
  expect(performance.now() - startedAt).toBeGreaterThan(290);
});
