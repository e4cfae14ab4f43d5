/** A refusal with the words for its caller; the routes' border turns it into problem+json or OpenAI's shape. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly status: number;
  /** A `FailureReason` where one fits. */
  readonly code: string;
  readonly retryAfterSeconds: number | null;
  constructor(status: number, code: string, detail: string, options: ErrorOptions & { readonly retryAfterSeconds?: number } = {}) {
    super(detail, options);
    this.status = status;
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
  }
}

export const invalid = (detail: string): GatewayError => new GatewayError(400, 'INVALID', detail);
export const tooLarge = (detail: string): GatewayError => new GatewayError(413, 'TOO_LARGE', detail);
