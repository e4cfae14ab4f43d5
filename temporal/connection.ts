import { setTimeout as delay } from 'node:timers/promises';
import { NativeConnection } from '@temporalio/worker';

const RETRY_EVERY_MS = 500;

/** Connects to Temporal, waiting for it as long as it takes, because whoever starts a worker starts the server beside it. */
export const connectWhenUp = async (address: string, signal: AbortSignal): Promise<NativeConnection> => {
  for (;;) {
    try {
      return await NativeConnection.connect({ address });
    } catch (error) {
      if (signal.aborted) throw error;
      await delay(RETRY_EVERY_MS, undefined, { signal });
    }
  }
};
