/** Thrown by stores that can't answer now (locked, full, gone); asking again later may succeed. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
}
