import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** What the benchmark asks of this process. */
export interface Load {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly requests: number;
  readonly atOnce: number;
}

/** One request over a connection that stays open; bare sockets, so that the load costs less than what it measures. */
const ask = async (socket: Socket, request: string): Promise<void> => {
  socket.write(request);
  let answer = '';
  for (;;) {
    const [chunk] = await once(socket, 'data');
    answer += String(chunk);
    const head = answer.indexOf('\r\n\r\n');
    if (head < 0) continue;
    const size = /^content-length: (\d+)$/im.exec(answer.slice(0, head + 2))?.[1];
    if (!answer.startsWith('HTTP/1.1 200 ') || size === undefined) throw new Error(`the answer was ${answer}`);
    if (answer.length >= head + 4 + Number(size)) return;
  }
};

const run = async ({ port, path, headers, requests, atOnce }: Load): Promise<number> => {
  const lines = Object.entries({ host: `127.0.0.1:${port}`, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  const request = `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
  let left = requests;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      while (left > 0) {
        left -= 1;
        await ask(socket, request);
      }
      socket.destroy();
    }),
  );
  return requests / ((performance.now() - startedAt) / 1000);
};

/** A process of its own, so that the load's work is in neither peer's figure. Answers each order with the requests a second. */
process.on('message', async (load: Load) => process.send?.(await run(load)));
