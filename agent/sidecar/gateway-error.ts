/** The gateway could not be reached, or said that it can't answer now: asking again is right. */
export class GatewayUnreachableError extends Error {
  override readonly name = 'GatewayUnreachableError';
}

/** The gateway takes nothing more from this run: its identity or its epoch is over. */
export class RunOverError extends Error {
  override readonly name = 'RunOverError';
}

/** The gateway answered and refused; asking the same again is useless. */
export class GatewayRefusedError extends Error {
  override readonly name = 'GatewayRefusedError';
  readonly status: number;
  constructor(status: number, detail: string) {
    super(`the gateway answered ${status}: ${detail}`);
    this.status = status;
  }
}
