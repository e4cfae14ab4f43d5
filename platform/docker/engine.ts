import Docker from 'dockerode';

/** The engine answered and said no. `status` is that of its HTTP answer. */
export class DockerRefusedError extends Error {
  override readonly name = 'DockerRefusedError';
  readonly status: number;
  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** The engine can't be reached or didn't answer: nothing is known about what was asked. */
export class DockerUnavailableError extends Error {
  override readonly name = 'DockerUnavailableError';
}

/** No answer takes longer, but for a container that may take its grace period to stop. */
const CALL_TIMEOUT_MS = 30_000;

/** A client of the engine that DOCKER_HOST names, else of this machine's. */
export const connectDocker = (): Docker => new Docker({ timeout: CALL_TIMEOUT_MS });

const wordsOf = (error: object): string => ('json' in error && isMessage(error.json) ? error.json.message : String(error));

const isMessage = (value: unknown): value is { readonly message: string } =>
  typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string';

/** The one place where the client's errors become ours: throws `DockerRefusedError` or `DockerUnavailableError`. */
export const asked = async <T>(call: Promise<T>): Promise<T> => {
  try {
    return await call;
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'statusCode' in error && typeof error.statusCode === 'number')
      throw new DockerRefusedError(error.statusCode, wordsOf(error).trim(), { cause: error });
    throw new DockerUnavailableError('the Docker engine does not answer', { cause: error });
  }
};

/** As `asked`, but that an answer of one of these statuses is null: what is gone (404), or stands as it should already (304, 409). */
export const askedUnless = async <T>(statuses: readonly number[], call: Promise<T>): Promise<T | null> => {
  try {
    return await asked(call);
  } catch (error) {
    if (error instanceof DockerRefusedError && statuses.includes(error.status)) return null;
    throw error;
  }
};
