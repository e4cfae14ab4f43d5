import { type Engine, EngineUnavailableError } from '../../tasks/ports/engine.ts';

const REST_MS = 2_000;

/**
 * An engine that isn't asked to start anything for a while after it could not be reached: a topic full of messages must not wait for
 * the time-out of each. What isn't started is left in its row for the sweeper.
 */
export const createRestingEngine = (engine: Engine, restMs = REST_MS): Engine => {
  let restsUntil = 0;
  return {
    ...engine,
    async start(taskId, input) {
      if (performance.now() < restsUntil) throw new EngineUnavailableError('Temporal did not answer a moment ago');
      try {
        await engine.start(taskId, input);
      } catch (error) {
        if (error instanceof EngineUnavailableError) restsUntil = performance.now() + restMs;
        throw error;
      }
    },
  };
};
