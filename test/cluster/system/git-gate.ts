import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A git server's front that can keep its clients waiting. */
export interface GitGate {
  readonly url: string;
  /** From now on, whoever asks for something below this path waits; resolves when somebody does. */
  hold(path: string): { readonly asked: Promise<void>; release(): void };
}

/** Stands at `address` in front of the git server at `origin`; `stack` ends it. */
export const startGitGate = async (address: string, origin: string, stack: AsyncDisposableStack): Promise<GitGate> => {
  const holds = new Map<string, { readonly asked: PromiseWithResolvers<void>; readonly open: PromiseWithResolvers<void> }>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const path = request.url ?? '/';
    for (const [prefix, hold] of holds) {
      if (!path.startsWith(prefix)) continue;
      hold.asked.resolve();
      await hold.open.promise;
    }
    const headers = new Headers();
    for (const name of ['content-type', 'content-encoding', 'git-protocol', 'accept']) {
      const value = request.headers[name];
      if (typeof value === 'string') headers.set(name, value);
    }
    const answer = await fetch(`${origin}${path}`, {
      method: request.method ?? 'GET',
      headers,
      ...(request.method === 'POST' && { body: Buffer.concat(chunks) }),
    });
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(await answer.bytes());
  });
  await once(server.listen(0, address), 'listening');
  stack.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://${address}:${(server.address() as AddressInfo).port}`,
    hold(path) {
      const hold = { asked: Promise.withResolvers<void>(), open: Promise.withResolvers<void>() };
      holds.set(path, hold);
      return {
        asked: hold.asked.promise,
        release: () => {
          holds.delete(path);
          hold.open.resolve();
        },
      };
    },
  };
};
