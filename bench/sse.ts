import { setTimeout as pause } from 'node:timers/promises';
import { createDataFolder, startApi } from '../test/support/api-process.ts';
import { until } from '../test/support/until.ts';
import { against, type Ratio } from './rounds.ts';

const CLIENTS = 500;
/** Before anything is measured, so that code is compiled and the heap has its working size. */
const WARMING_CLIENTS = 50;
const ROUNDS = 3;
const ALLOWED_MB = 50;
const GONE_AFTER_MS = 5000;
const MiB = 1024 * 1024;

/** 500 event streams on a real API process: what its memory grows by against 50 MB, and the streams it still serves 5 s after all clients went, of which none is allowed. */
export const run = async (): Promise<readonly Ratio[]> => {
  const data = await createDataFolder();
  const api = await startApi(data.folder, { CODEBAY_OWNER_REQUESTS_PER_MINUTE: '0', CODEBAY_LOG_LEVEL: 'warn' });
  const source = { type: 'git', url: 'https://example.com/team/app.git' } as const;
  await data.stores.tasks.insert({ id: 'watched', owner: 'ada', spec: { source, prompt: 'Fix it.', mode: 'modify' } });
  const headers = { authorization: `Bearer ${data.apiKey}`, accept: 'text/event-stream' };
  let written = 0;
  const write = async (): Promise<void> => {
    written += 1;
    const text = `${'output '.repeat(200)}\n`;
    await data.stores.events.append('watched', 'run', [{ type: 'log', data: { stream: 'agent', text }, source_seq: written, at: written }]);
  };
  const openStreams = async (): Promise<number> => {
    const metrics = await (await fetch(`${api.url}/metrics`)).text();
    return Number(/^codebay_event_streams (\d+)$/m.exec(metrics)?.[1]);
  };
  /** The growth in MB, and the streams left over. */
  const round = async (clients: number): Promise<{ readonly grownMb: number; readonly left: number }> => {
    const before = await api.memory('VmRSS');
    const gone = new AbortController();
    let heard = 0;
    const follow = async (): Promise<void> => {
      const after = written;
      const response = await fetch(`${api.url}/v1/tasks/watched/events?after=${after}`, { headers, signal: gone.signal });
      let text = '';
      for await (const chunk of response.body ?? []) {
        const hadIt = text.includes('event: log');
        text += Buffer.from(chunk).toString();
        if (!hadIt && text.includes('event: log')) heard += 1;
      }
    };
    const following = Array.from({ length: clients }, () =>
      follow().catch((error: unknown) => {
        if (!gone.signal.aborted) throw error;
      }),
    );
    await until('all streams to be open', async () => (await openStreams()) === clients);
    await write();
    await until('an event at every client', () => heard === clients);
    const grownMb = ((await api.memory('VmRSS')) - before) / MiB;
    gone.abort();
    await Promise.all(following);
    await pause(GONE_AFTER_MS);
    return { grownMb, left: await openStreams() };
  };
  try {
    const grown: number[] = [];
    const left: number[] = [];
    await round(WARMING_CLIENTS);
    for (let n = 0; n < ROUNDS; n += 1) {
      const measured = await round(CLIENTS);
      grown.push(measured.grownMb);
      left.push(measured.left);
    }
    return [
      against('sse-memory-500-clients', 'MB', ALLOWED_MB, grown),
      // As many as there were clients would be 1.
      against('sse-streams-left', 'streams', CLIENTS, left),
    ];
  } finally {
    await api.stop();
    await data.remove();
  }
};
