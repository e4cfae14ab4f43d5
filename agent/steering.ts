import { runMessagesSchema } from '../tasks/run-protocol.ts';
import { httpFetch } from './http-fetch.ts';
import type { Message } from './model/conversation.ts';

const TIMEOUT_MS = 2000;
const HEADER = /^\[Message (\d+) from the user, sent while you work\]\n/;

/** The user's messages that came since the last call, in order. Never throws but for the signal: steering is optional. */
export type Steering = (signal: AbortSignal) => Promise<Message[]>;

/** The number of the last steering message in a history, 0 without one. */
const lastSeen = (history: readonly Message[]): number =>
  Math.max(0, ...history.map((message) => (message.role === 'user' ? Number(HEADER.exec(message.content)?.[1] ?? 0) : 0)));

/** Polls `GET <base>/messages?after=N&wait=0` once a call; `history` says what was delivered before. An endpoint without it is left alone. */
export const createSteering = (modelBaseUrl: string, history: readonly Message[]): Steering => {
  const base = modelBaseUrl.replace(/\/+$/, '').replace(/\/v1$/, '');
  let after = lastSeen(history);
  let absent = false;
  const poll = async (signal: AbortSignal): Promise<Message[]> => {
    const response = await httpFetch(`${base}/messages?after=${after}&wait=0`, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    absent = response.status === 404;
    if (!response.ok) {
      await response.body?.cancel();
      return [];
    }
    const { messages } = runMessagesSchema.parse(await response.json());
    const fresh = messages.filter(({ seq }) => seq > after).sort((one, other) => one.seq - other.seq);
    after = fresh.at(-1)?.seq ?? after;
    return fresh.map(({ seq, text }) => ({ role: 'user', content: `[Message ${seq} from the user, sent while you work]\n${text}` }));
  };
  return async (signal) => {
    if (absent) return [];
    try {
      return await poll(signal);
    } catch {
      signal.throwIfAborted();
      // The next turn asks again; a message is late at worst.
      return [];
    }
  };
};
