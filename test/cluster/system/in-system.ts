import type { Cluster } from '../cluster.ts';
import { ownOf, testInOwnCluster } from '../test-cluster.ts';
import { type Deployed, deploySystem } from './deployed.ts';
import { cancelOpen } from './tasks.ts';

/** From images that are not built yet. */
const DEPLOY_MS = 30 * 60_000;
/** Bounds on hanging: a whole task on two busy cores takes far less. */
const TEST_MS = 4 * 60_000;

let deployed: Deployed | null = null;

/** Call once in a test file: a deployment for all of its tests. */
export const shareOneDeployment = (): void => {
  beforeAll(async () => {
    const began = Date.now();
    deployed = await deploySystem((line) => process.stderr.write(`system: ${((Date.now() - began) / 1000).toFixed(1)} s: ${line}\n`));
  }, DEPLOY_MS);
  afterAll(() => deployed?.[Symbol.asyncDispose](), TEST_MS);
};

const system = (): Deployed => {
  if (deployed === null) throw new Error('nothing has been deployed');
  return deployed;
};

/** Prints what pods and services said where the body fails, and cancels what it left. */
const withTestimony = (body: (system: Deployed) => Promise<void>) => async (): Promise<void> => {
  try {
    await body(system());
  } catch (error) {
    console.error(await system().testimony.say());
    await cancelOpen(system()).catch((cause) => console.error('what the test left could not be cancelled', cause));
    throw error;
  }
};

/** A test on the deployment. */
export const inSystem = (name: string, body: (system: Deployed) => Promise<void>, timeoutMs = TEST_MS): void =>
  test(name, withTestimony(body), timeoutMs);

/** The same, for what breaks the cluster or reaches below it. */
export const inOwnCluster = (name: string, body: (system: Deployed, own: Cluster) => Promise<void>, timeoutMs = TEST_MS): void =>
  testInOwnCluster(
    name,
    withTestimony((deployment) => body(deployment, ownOf(deployment.cluster))),
    timeoutMs,
  );

/** The same for each of a table's rows, whose first field is the name. */
export const eachInSystem = <T>(
  cases: Readonly<Record<string, T>>,
  name: (label: string) => string,
  body: (system: Deployed, given: T) => Promise<void>,
  timeoutMs?: number,
): void => {
  for (const [label, given] of Object.entries(cases)) inSystem(name(label), (deployment) => body(deployment, given), timeoutMs);
};
