import type { GoTool } from './go-tool.mjs';

export const HELM: GoTool;
export const KUBECONFORM: GoTool;
export const KUBE_SCORE: GoTool;
export const KUBERNETES_VERSION: string;
export function kubernetesSchemas(env?: Readonly<Record<string, string | undefined>>): string;
