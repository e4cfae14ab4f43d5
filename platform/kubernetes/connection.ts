import { HttpMethod, IsomorphicFetchHttpLibrary, KubeConfig, RequestContext, type ResponseContext } from '@kubernetes/client-node';

type Dispatcher = NonNullable<ReturnType<RequestContext['getDispatcher']>>;

export interface RequestOptions {
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** The API server as the runner needs it: plain JSON in and out, each call bounded in time. */
export interface ClusterConnection {
  /** The parsed answer. Throws `ClusterRefusedError` for a status of 400 and more, `ClusterUnavailableError` where there is no answer. */
  request(method: keyof typeof HttpMethod, path: string, options?: RequestOptions): Promise<unknown>;
  /** The bytes of an answer without an end; the signal alone bounds it. Throws as `request` does, and while it is read. */
  stream(path: string, options: RequestOptions & { readonly signal: AbortSignal }): Promise<AsyncIterable<Uint8Array>>;
}

/** The API server answered and said no. `reason` is its `Status.reason`, such as `NotFound`, `AlreadyExists`, `Forbidden`. */
export class ClusterRefusedError extends Error {
  override readonly name = 'ClusterRefusedError';
  readonly status: number;
  readonly reason: string;
  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

/** The API server can't be reached, is overloaded or did not answer in time: nothing is known about what was asked. */
export class ClusterUnavailableError extends Error {
  override readonly name = 'ClusterUnavailableError';
}

/** What should say where the cluster is can't be read, or says nothing. */
export class KubeConfigError extends Error {
  override readonly name = 'KubeConfigError';
}

const CALL_TIMEOUT_MS = 10_000;
/** Too many requests, or a server that fails: asked again later. */
const isPassing = (status: number): boolean => status === 429 || status >= 500;

const asRecord = (value: unknown): Readonly<Record<string, unknown>> => (typeof value === 'object' && value !== null ? { ...value } : {});

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

const refusal = async ({ httpStatusCode: status, body }: ResponseContext): Promise<Error> => {
  const { reason, message } = asRecord(parsed(await body.text()));
  const said = typeof message === 'string' ? message : `the API server answered ${status}`;
  return isPassing(status)
    ? new ClusterUnavailableError(said)
    : new ClusterRefusedError(status, typeof reason === 'string' ? reason : '', said);
};

/** The cluster that `KUBECONFIG`, the home folder or the pod's service account name, or that one context of it. Throws `KubeConfigError`. */
export const loadKubeConfig = (context?: string): KubeConfig => {
  const config = new KubeConfig();
  try {
    config.loadFromDefault();
  } catch (cause) {
    throw new KubeConfigError(`the kubeconfig can't be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  if (context !== undefined) config.setCurrentContext(context);
  return config;
};

/** Opens nothing by itself. Throws `KubeConfigError` where the configuration names no cluster. */
export const connectCluster = (config: KubeConfig): ClusterConnection => {
  const server = config.getCurrentCluster()?.server.replace(/\/+$/, '');
  if (server === undefined) throw new KubeConfigError('the kubeconfig names no cluster');
  const library = new IsomorphicFetchHttpLibrary();
  // The client makes a dispatcher for each call, and with it a TLS handshake; one is kept, as long as its credential is good.
  let dispatcher: Dispatcher | undefined;

  const send = async (method: keyof typeof HttpMethod, path: string, { query, body, signal }: RequestOptions): Promise<ResponseContext> => {
    const context = new RequestContext(`${server}${path}`, HttpMethod[method]);
    for (const [name, value] of Object.entries(query ?? {})) context.setQueryParam(name, value);
    context.setHeaderParam('accept', 'application/json');
    if (body !== undefined) {
      context.setHeaderParam('content-type', 'application/json');
      context.setBody(JSON.stringify(body));
    }
    await config.applySecurityAuthentication(context);
    dispatcher ??= context.getDispatcher();
    if (dispatcher !== undefined) context.setDispatcher(dispatcher);
    if (signal !== undefined) context.setSignal(signal);
    const response = await library.send(context).toPromise();
    if (response.httpStatusCode === 401) dispatcher = undefined;
    if (response.httpStatusCode >= 400) throw await refusal(response);
    return response;
  };

  const orUnavailable = async <T>(path: string, caller: AbortSignal | undefined, action: () => Promise<T>): Promise<T> => {
    try {
      return await action();
    } catch (error) {
      if (error instanceof ClusterRefusedError || error instanceof ClusterUnavailableError) throw error;
      // Where one connection fell silent, the others of its pool may have, too: the next call must not have to find out for each.
      dispatcher = undefined;
      caller?.throwIfAborted();
      throw new ClusterUnavailableError(`the API server did not answer to ${path}`, { cause: error });
    }
  };

  async function* pieces(path: string, response: ResponseContext, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const reader = response.body.stream()?.getReader();
    if (reader === undefined) return;
    try {
      for (;;) {
        const { done, value } = await orUnavailable(path, signal, () => reader.read());
        if (done) return;
        yield value;
      }
    } finally {
      // Its error, if it has one, has been thrown by the read.
      await reader.cancel().catch(() => undefined);
    }
  }

  return {
    request: (method, path, options = {}) => {
      const bound = AbortSignal.timeout(CALL_TIMEOUT_MS);
      const signal = options.signal ? AbortSignal.any([options.signal, bound]) : bound;
      return orUnavailable(path, options.signal, async () => parsed(await (await send(method, path, { ...options, signal })).body.text()));
    },
    stream: async (path, options) =>
      pieces(path, await orUnavailable(path, options.signal, () => send('GET', path, options)), options.signal),
  };
};
