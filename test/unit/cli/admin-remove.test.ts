import { readRemovable } from '../../../cli/commands/admin-remove.ts';
import { ClusterRefusedError } from '../../../platform/kubernetes/connection.ts';
import { removeNamed } from '../../../platform/kubernetes/remove-named.ts';

test.each(['namespace/codebay', 'secret', 'secret/', 'secret/a/b', 'pods/a'])('%s is refused before the cluster is asked', (text) => {
  expect(() => readRemovable(text)).toThrow(/is nothing that can be removed/);
});

test('what is named is removed, and what is gone counts as removed', async () => {
  const asked: string[] = [];
  const cluster = (answer?: Error) => ({
    request: async (method: string, path: string) => {
      asked.push(`${method} ${path}`);
      if (answer) throw answer;
      return {};
    },
  });
  await removeNamed(cluster(), 'ns', readRemovable('secret/codebay-station'));
  await removeNamed(cluster(new ClusterRefusedError(404, 'NotFound', 'gone')), 'ns', readRemovable('pod/codebay-test'));
  await removeNamed(cluster(), 'ns', readRemovable('job/codebay-preflight'));
  expect(asked).toEqual([
    'DELETE /api/v1/namespaces/ns/secrets/codebay-station',
    'DELETE /api/v1/namespaces/ns/pods/codebay-test',
    'DELETE /apis/batch/v1/namespaces/ns/jobs/codebay-preflight',
  ]);
  const refused = new ClusterRefusedError(403, 'Forbidden', 'no');
  await expect(removeNamed(cluster(refused), 'ns', readRemovable('pod/other'))).rejects.toBe(refused);
});
