type Environment = Readonly<Record<string, string | undefined>>;

export declare const KUBERNETES_VERSION: string;
export declare const CNI_PLUGINS: string;
/** Where the programs built from the sources of this clone are kept: `kube`, `dns` and `pause`. */
export declare const kubernetesFolder: (root: string, env?: Environment) => string;
