import type { ClusterConnection } from '../../platform/kubernetes/connection.ts';

/** The same connection, which counts what goes over it. */
export const countRequests = (cluster: ClusterConnection) => {
  let requests = 0;
  let open = 0;
  let mostOpen = 0;
  async function* counted(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    open += 1;
    mostOpen = Math.max(mostOpen, open);
    try {
      yield* pieces;
    } finally {
      open -= 1;
    }
  }
  const connection: ClusterConnection = {
    request: (...call) => {
      requests += 1;
      return cluster.request(...call);
    },
    stream: async (...call) => {
      requests += 1;
      return counted(await cluster.stream(...call));
    },
  };
  return { connection, requests: () => requests, mostWatches: () => mostOpen };
};
