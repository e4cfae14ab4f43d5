import { execa } from 'execa';
import { type Cluster, startCluster } from './cluster.ts';
import { ClusterMissingError } from './missing.ts';

/** A cluster to test in: one of its own, or the one that KUBECONFIG names. */
export interface TestCluster extends AsyncDisposable {
  readonly kubeconfig: string;
  /** This machine, as pods reach it. */
  readonly hostAddress: string;
  importImage(tarFile: string): Promise<void>;
  /** Resolves when the policies that exist by now are enforced, as far as that can be known. */
  policiesSettled(): Promise<void>;
  /** Null for a cluster that was there before: it is not ours to break. */
  readonly own: Cluster | null;
}

/** `kind load image-archive` is one of them; the file comes last. */
export const IMPORT_VARIABLE = 'CODEBAY_TEST_IMPORT_IMAGE';
export const HOST_VARIABLE = 'CODEBAY_TEST_HOST_ADDRESS';

const givenKubeconfig = (): string | null => process.env.KUBECONFIG || null;

const needed = (variable: string, what: string): string => {
  const value = process.env[variable];
  if (value === undefined || value === '') throw new ClusterMissingError(`with KUBECONFIG, ${variable} must be ${what}`);
  return value;
};

const givenCluster = (kubeconfig: string): TestCluster => ({
  kubeconfig,
  hostAddress: needed(HOST_VARIABLE, "this machine's address as pods reach it"),
  async importImage(tarFile) {
    const [program = '', ...args] = needed(IMPORT_VARIABLE, 'a command that takes an image archive into it').split(' ');
    await execa(program, [...args, tarFile]);
  },
  policiesSettled: async () => undefined,
  own: null,
  [Symbol.asyncDispose]: async () => undefined,
});

/** Throws `ClusterMissingError` where there is none. */
export const openTestCluster = async (): Promise<TestCluster> => {
  const kubeconfig = givenKubeconfig();
  if (kubeconfig !== null) return givenCluster(kubeconfig);
  const own = await startCluster();
  return {
    kubeconfig: own.kubeconfig,
    hostAddress: own.hostAddress,
    importImage: own.importImage,
    policiesSettled: own.policiesSettled,
    own,
    [Symbol.asyncDispose]: () => own[Symbol.asyncDispose](),
  };
};

/** For tests that are `testInOwnCluster`. */
export const ownOf = ({ own }: TestCluster): Cluster => {
  if (own === null) throw new ClusterMissingError('this needs one of its own');
  return own;
};

/** `test`, for what breaks the cluster or reaches below it: skipped, with a sentence, in the one that KUBECONFIG names. */
export const testInOwnCluster = (name: string, body: () => Promise<void>, timeoutMs?: number): void => {
  if (givenKubeconfig() === null) test(name, body, timeoutMs);
  else test.skip(`${name} (not in the cluster of KUBECONFIG, which is not ours to break)`, body);
};
