import { CoreV1Api, type KubeConfig, type V1ContainerStatus, type V1Pod } from '@kubernetes/client-node';

/** Remembers what pods and events said, since both are gone when a failed test wants to know. */
export interface Testimony extends Disposable {
  /** The last lines of this are told as well. */
  hear(name: string, read: () => Promise<string>): void;
  /** For people: the pods' states in order of time, the events, and the last lines of the services. */
  say(): Promise<string>;
}

const LOOK_EVERY_MS = 500;
const LINES = 25;
const KEPT = 400;

const stateOf = ({ name, state, restartCount }: V1ContainerStatus): string => {
  const { waiting, running, terminated } = state ?? {};
  const restarts = restartCount > 0 ? ` restarts=${restartCount}` : '';
  if (running !== undefined) return `${name}: running${restarts}`;
  if (terminated !== undefined)
    return `${name}: ${terminated.reason} exit=${terminated.exitCode}${restarts} ${(terminated.message ?? '').slice(-600)}`;
  return `${name}: ${waiting?.reason ?? 'not begun'} ${waiting?.message ?? ''}`;
};

const describe = ({ metadata, status }: V1Pod): string => {
  const conditions = (status?.conditions ?? []).filter(({ type, status: is }) => type === 'DisruptionTarget' || is === 'False');
  const why = conditions.map(({ type, reason, message }) => `${type}=${reason ?? ''} ${message ?? ''}`);
  const going = metadata?.deletionTimestamp === undefined ? '' : ' (going)';
  const states = (status?.containerStatuses ?? []).map(stateOf);
  return [`${metadata?.name}${going} ${status?.phase} ${status?.reason ?? ''} ${status?.message ?? ''}`, ...states, ...why].join(
    '\n      ',
  );
};

export const startTestimony = (config: KubeConfig, namespaces: readonly string[]): Testimony => {
  const core = config.makeApiClient(CoreV1Api);
  const lastSeen = new Map<string, string>();
  const history: string[] = [];
  const heard = new Map<string, () => Promise<string>>();
  const note = (line: string): void => {
    history.push(`${new Date().toISOString().slice(11, 23)} ${line}`);
    if (history.length > KEPT) history.shift();
  };
  const change = (key: string, line: string): void => {
    if (lastSeen.get(key) === line) return;
    lastSeen.set(key, line);
    note(line);
  };
  const look = async (): Promise<void> => {
    for (const namespace of namespaces) {
      for (const pod of (await core.listNamespacedPod({ namespace })).items) change(`pod ${pod.metadata?.uid}`, describe(pod));
      for (const { metadata, type, reason, message, involvedObject } of (await core.listNamespacedEvent({ namespace })).items) {
        if (type !== 'Normal') change(`event ${metadata.uid}`, `EVENT ${involvedObject.name} ${reason}: ${message}`);
      }
    }
  };
  let isLooking = false;
  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    // An API server that is away has nothing to tell.
    look()
      .catch(() => undefined)
      .finally(() => {
        isLooking = false;
      });
  }, LOOK_EVERY_MS);
  timer.unref();

  const logsOf = async (namespace: string): Promise<readonly string[]> => {
    const { items } = await core.listNamespacedPod({ namespace });
    const read = async ({ metadata, spec }: V1Pod): Promise<readonly string[]> => {
      const name = metadata?.name ?? '';
      return Promise.all(
        (spec?.containers ?? []).map(async (container) => {
          const text = await core
            .readNamespacedPodLog({ name, namespace, container: container.name, tailLines: LINES })
            .catch((error: unknown) => `no log: ${error instanceof Error ? error.message : String(error)}`);
          return `--- ${name} ${container.name}\n${text}`;
        }),
      );
    };
    return (await Promise.all(items.map(read))).flat();
  };

  const lastLinesHeard = (): Promise<string[]> =>
    Promise.all([...heard].map(async ([name, read]) => `--- ${name}\n${(await read()).split('\n').slice(-LINES).join('\n')}`));

  return {
    hear: (name, read) => void heard.set(name, read),
    async say() {
      await look().catch((error: unknown) => note(`the API server does not answer: ${error}`));
      const logs = await Promise.all(namespaces.map((namespace) => logsOf(namespace).catch(() => [])));
      return [...history.slice(-120), ...logs.flat(), ...(await lastLinesHeard())].join('\n');
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
};
