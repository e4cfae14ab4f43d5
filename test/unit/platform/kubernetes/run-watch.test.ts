import { ClusterUnavailableError } from '../../../../platform/kubernetes/connection.ts';
import { createRunWatch } from '../../../../platform/kubernetes/run-watch.ts';

const away = () => Promise.reject(new ClusterUnavailableError('away'));

test('a wait may be any part of a millisecond', async () => {
  const watch = createRunWatch({
    cluster: { request: away, stream: away },
    namespace: 'runs',
    installation: 'one',
    log: { warn: () => undefined },
  });
  try {
    await expect(watch.changed('task-a1', 200.2)).resolves.toBeUndefined();
  } finally {
    watch.close();
  }
});
