import { setTimeout as pause } from 'node:timers/promises';
import {
  CoreV1Api,
  type Informer,
  KubeConfig,
  type KubernetesListObject,
  type KubernetesObject,
  makeInformer,
  NetworkingV1Api,
  type ObjectCache,
  type V1Namespace,
  type V1Pod,
} from '@kubernetes/client-node';
import { execa } from 'execa';
import { findServer } from '../../servers/server-process.ts';
import { until } from '../../support/until.ts';
import { inNamespace } from '../network.ts';
import { podAddressBook } from './link-local.ts';
import { readPolicy } from './policy.ts';
import { closedRuleset, type PolicyPod, rulesetOf, TABLE } from './rules.ts';

const RETRY_MS = 200;

export interface Enforcer extends AsyncDisposable {
  /** Resolves when everything that the API server has accepted by now is enforced; rejects where that can't be. */
  settled(): Promise<void>;
}

export interface EnforcerOptions {
  readonly kubeconfig: string;
  /** The node's network namespace. */
  readonly namespace: string;
  readonly podBridge: string;
  /** containerd's state folder. */
  readonly containerdState: string;
}

interface Watched<T extends KubernetesObject> {
  readonly informer: Informer<T> & ObjectCache<T>;
  readonly list: () => Promise<KubernetesListObject<T>>;
}

const key = ({ metadata }: KubernetesObject): string => `${metadata?.namespace ?? ''}/${metadata?.name} ${metadata?.uid}`;
const version = ({ metadata }: KubernetesObject): number => Number(metadata?.resourceVersion);

/** Whether the cache knows what the list says, or something newer. */
const isCaughtUp = async <T extends KubernetesObject>({ informer, list }: Watched<T>): Promise<() => boolean> => {
  const { items, metadata } = await list();
  const listed = Number(metadata?.resourceVersion);
  const versions = new Map(items.map((item) => [key(item), version(item)]));
  return () => {
    const cached = new Map(informer.list().map((item) => [key(item), version(item)]));
    const lacks = [...versions].some(([name, wanted]) => (cached.get(name) ?? 0) < wanted);
    const keeps = [...cached].some(([name, seen]) => !versions.has(name) && seen <= listed);
    return !lacks && !keeps;
  };
};

/** Pods on the node's own network are none of a policy's, and one that has ended has no network. */
const hasNetwork = ({ spec, status }: V1Pod): boolean =>
  spec?.hostNetwork !== true && status?.phase !== 'Succeeded' && status?.phase !== 'Failed' && (status?.podIPs?.length ?? 0) > 0;

/**
 * For tests only, and for one node: enforces NetworkPolicy objects where the cluster's network doesn't, by nftables rules in the node's network
 * namespace. IPv4, IPv6 and link-local; pods, the node, and what is beyond it. A subset: ports by name are refused, loudly: then no pod
 * may speak to anybody until that policy is gone. Disposing takes all rules away.
 */
export const startEnforcer = async ({ kubeconfig, namespace, podBridge, containerdState }: EnforcerOptions): Promise<Enforcer> => {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const core = config.makeApiClient(CoreV1Api);
  const networking = config.makeApiClient(NetworkingV1Api);
  const addressBook = podAddressBook(containerdState);

  const nft = async (text: string): Promise<void> => {
    const [program, ...args] = inNamespace(namespace, [findServer('nft'), '-f', '-']);
    await execa(program, args, { input: text });
  };

  let isStopped = false;
  let failure: unknown = null;
  let isDirty = false;
  let loading = Promise.resolve();

  const watched = <T extends KubernetesObject>(path: string, list: Watched<T>['list']): Watched<T> => {
    const informer = makeInformer(config, path, list);
    informer.on('change', () => change());
    informer.on('error', async () => {
      await pause(RETRY_MS);
      if (!isStopped) await informer.start();
    });
    return { informer, list };
  };
  const policies = watched('/apis/networking.k8s.io/v1/networkpolicies', () => networking.listNetworkPolicyForAllNamespaces());
  const pods = watched<V1Pod>('/api/v1/pods', () => core.listPodForAllNamespaces());
  const namespaces = watched<V1Namespace>('/api/v1/namespaces', () => core.listNamespace());

  const podsNow = async (): Promise<readonly PolicyPod[]> => {
    const all = pods.informer.list().filter(hasNetwork);
    const addresses = await addressBook.allOf(all.map(({ status }) => status?.podIPs?.[0]?.ip ?? ''));
    return all.map(({ metadata }, index) => ({
      name: metadata?.name ?? '',
      namespace: metadata?.namespace ?? '',
      labels: metadata?.labels ?? {},
      addresses: addresses[index] ?? [],
    }));
  };

  const load = async (): Promise<void> => {
    try {
      const labels = namespaces.informer.list().map(({ metadata }) => [metadata?.name ?? '', metadata?.labels ?? {}] as const);
      const world = { policies: policies.informer.list().map(readPolicy), pods: await podsNow(), namespaces: new Map(labels) };
      await nft(rulesetOf(world));
      failure = null;
    } catch (error) {
      failure = error;
      process.stderr.write(`The NetworkPolicy enforcer lets no pod speak to anybody: ${String(error)}\n`);
      await nft(closedRuleset(podBridge));
    }
  };

  /** At most one load at a time, and one after the last change. */
  const change = (): void => {
    if (isDirty) return;
    isDirty = true;
    loading = loading.then(async () => {
      isDirty = false;
      if (!isStopped) await load();
    });
  };

  const all = [policies, pods, namespaces] as const;
  await Promise.all(all.map(({ informer }) => informer.start()));
  change();
  await loading;

  return {
    async settled() {
      const checks = await Promise.all([isCaughtUp(policies), isCaughtUp(pods), isCaughtUp(namespaces)]);
      await until('the enforcer has seen every change', () => checks.every((isDone) => isDone()));
      change();
      await loading;
      if (failure !== null) throw failure;
    },
    async [Symbol.asyncDispose]() {
      isStopped = true;
      await Promise.all(all.map(({ informer }) => informer.stop()));
      await loading;
      await nft(`table inet ${TABLE}\ndelete table inet ${TABLE}\n`);
    },
  };
};
