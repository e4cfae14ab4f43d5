import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { turnKey } from '../../../tasks/object-keys.ts';
import type { Ledger } from '../../../tasks/ports/ledger.ts';
import type { ObjectStore } from '../../../tasks/ports/object-store.ts';

export interface TurnId {
  readonly taskId: string;
  readonly turn: number;
  readonly requestSha256: string;
}

export interface JournaledAnswer {
  readonly contentType: string;
  readonly body: Buffer;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface Journal {
  /** The finished answer to exactly this request at this turn; null where it has to be asked. */
  find(id: TurnId): Promise<JournaledAnswer | null>;
  /** Only what the ledger settles as journaled afterwards is ever found. */
  keep(id: TurnId, contentType: string, body: Buffer): Promise<void>;
}

/** Finished answers, so that no turn is paid twice. The object is the content type, a line end, and the body byte for byte. */
export const createJournal = (deps: { readonly ledger: Ledger; readonly objects: ObjectStore }): Journal => ({
  find: async ({ taskId, turn, requestSha256 }) => {
    const settlement = await deps.ledger.findJournaled(taskId, turn, requestSha256);
    if (settlement === null) return null;
    const object = await deps.objects.get(turnKey(taskId, turn, requestSha256));
    if (object === null) return null;
    const kept = await buffer(object.body);
    const lineEnd = kept.indexOf('\n');
    const { inputTokens, outputTokens } = settlement;
    return { contentType: kept.subarray(0, lineEnd).toString(), body: kept.subarray(lineEnd + 1), inputTokens, outputTokens };
  },
  keep: async ({ taskId, turn, requestSha256 }, contentType, body) => {
    const kept = Buffer.concat([Buffer.from(`${contentType}\n`), body]);
    await deps.objects.put(turnKey(taskId, turn, requestSha256), Readable.from([kept]));
  },
});
