import type { CheckpointReport } from '../../tasks/run-protocol.ts';
import type { GatewayClient, StoredBlob } from './gateway-client.ts';
import { GatewayRefusedError } from './gateway-error.ts';
import { FileTooLargeError } from './scratch-file.ts';
import type { Workspace } from './workspace.ts';

export interface Checkpoints {
  /** Makes everything up to now durable: the workspace, and the request that is about to be sent (null: the one before stands). */
  take(turn: number, transcript: StoredBlob | null, signal: AbortSignal): Promise<void>;
}

/** Takes checkpoints in order. One that is too large for the station is noted and left out: the run goes on, the one before stands. */
export const createCheckpoints = (deps: {
  readonly gateway: Pick<GatewayClient, 'upload' | 'checkpoint'>;
  readonly workspace: Pick<Workspace, 'snapshot'>;
  readonly note: (text: string) => void;
}): Checkpoints => {
  const { gateway, workspace, note } = deps;
  let seq = 0;
  let last: CheckpointReport | null = null;
  return {
    take: async (turn, transcript, signal) => {
      try {
        const [{ delta }] = await Promise.all([workspace.snapshot(signal), transcript && gateway.upload(transcript, signal)]);
        if (delta !== null && delta.blob.sha256 !== last?.delta?.sha256) await gateway.upload(delta, signal);
        // A number is never used for two contents, even where the first may not have arrived.
        seq += 1;
        const report = { seq, turn, delta: delta?.blob ?? null, transcript: transcript?.blob ?? last?.transcript ?? null };
        await gateway.checkpoint(report, signal);
        last = report;
      } catch (error) {
        if (!(error instanceof FileTooLargeError || error instanceof GatewayRefusedError)) throw error;
        note(`no checkpoint at turn ${turn}: ${error.message}`);
      }
    },
  };
};
