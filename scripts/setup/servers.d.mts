export declare const KAFKA_VERSION: string;
export declare const kafkaLibs: (env?: Readonly<Record<string, string | undefined>>) => string;
export declare const COS_PYTHON_VERSION: string;
export declare const cosPythonFolder: (env?: Readonly<Record<string, string | undefined>>) => string;
export declare const serverPath: (env?: Readonly<Record<string, string | undefined>>) => string;
export const NGINX_STREAM_MODULE: string;
