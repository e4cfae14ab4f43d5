/** Thrown by feeds that can't be reached now; whether what was sent has arrived is not known. Sending it again later may succeed. */
export class FeedUnavailableError extends Error {
  override readonly name = 'FeedUnavailableError';
}
