import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';

interface Steps {
  regular(input: unknown): Promise<unknown>;
  local(input: unknown): Promise<unknown>;
}

const { regular } = proxyActivities<Steps>({ startToCloseTimeout: '1m' });
const { local } = proxyLocalActivities<Steps>({ startToCloseTimeout: '5s' });

/** The steps of an ordinary `codeTask`, in its order, with nothing around them: `r` a regular activity, `l` a local one. */
export async function bare({ steps, payload }: { steps: string; payload: unknown }): Promise<unknown> {
  for (const step of steps) await (step === 'r' ? regular(payload) : local(payload));
  return payload;
}
