/** How long things may take and how often they are tried; the defaults suit the internet. */
export interface CosTiming {
  readonly connectMs: number;
  /** How long a connection may be silent while something is awaited from it. */
  readonly idleMs: number;
  /** How long one attempt may take in all, but for the body of an answer that streams. */
  readonly attemptMs: number;
  /** How often one request is made, the first one counted. */
  readonly attempts: number;
  /** The pause before the next attempt is random below this, doubled each time. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
}

export const COS_TIMING: CosTiming = {
  connectMs: 10_000,
  idleMs: 30_000,
  attemptMs: 300_000,
  attempts: 6,
  firstPauseMs: 400,
  longestPauseMs: 10_000,
};

export interface CosOptions {
  readonly secretId: string;
  readonly secretKey: string;
  readonly region: string;
  /** `<name>-<appid>` */
  readonly codeBucket: string;
  /** `<name>-<appid>` */
  readonly logsBucket: string;
  /** `http://host:port` to connect to in place of Tencent's servers; host names and signatures stay. */
  readonly endpoint: string | null;
  readonly timing?: Partial<CosTiming>;
}

/** One request to COS. */
export interface CosRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly bucket: string;
  /** Empty: the bucket itself. */
  readonly key: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}
