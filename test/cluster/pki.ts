import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { findServer } from '../servers/server-process.ts';
import type { ClusterNetwork } from './network.ts';

/** Who speaks to the API server: the certificate's subject is the user and its groups. */
const CLIENTS = {
  admin: '/O=system:masters/CN=admin',
  'controller-manager': '/CN=system:kube-controller-manager',
  scheduler: '/CN=system:kube-scheduler',
  kubelet: '/O=system:nodes/CN=system:node:node1',
  proxy: '/CN=system:kube-proxy',
  /** The API server, to the kubelet. */
  'kubelet-client': '/O=system:masters/CN=kube-apiserver-kubelet-client',
} as const;
export type Client = keyof typeof CLIENTS;

export interface Pki {
  readonly folder: string;
  readonly caFile: string;
  certificateFile(name: Client | 'apiserver'): string;
  keyFile(name: Client | 'apiserver' | 'service-accounts'): string;
  /** Written with the certificates. */
  kubeconfigFile(name: Client): string;
}

const DAYS = '3650';
const EC_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc'];

const openssl = (folder: string, args: readonly string[]) => execa(findServer('openssl'), args, { cwd: folder });

const certificate = (folder: string, name: string, subject: string, extensions: readonly string[]) => {
  const issuer = name === 'ca' ? [] : ['-CA', 'ca.crt', '-CAkey', 'ca.key'];
  const added = extensions.flatMap((extension) => ['-addext', extension]);
  const files = ['-keyout', `${name}.key`, '-out', `${name}.crt`];
  return openssl(folder, ['req', '-x509', '-days', DAYS, ...EC_KEY, ...issuer, '-subj', subject, ...added, ...files]);
};

const NOT_CA = ['basicConstraints=critical,CA:FALSE', 'keyUsage=critical,digitalSignature'];

const apiServerNames = ({ nodeAddress, apiServiceAddress }: ClusterNetwork): string =>
  [
    ...['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local'].map(
      (dns) => `DNS:${dns}`,
    ),
    ...['127.0.0.1', nodeAddress, apiServiceAddress].map((address) => `IP:${address}`),
  ].join(',');

/** JSON is YAML, so every reader of a kubeconfig takes it. */
const writeKubeconfig = async (pki: Pki, client: Client, apiUrl: string): Promise<void> => {
  const base64 = async (file: string) => (await readFile(file)).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'codebay-test', cluster: { server: apiUrl, 'certificate-authority-data': await base64(pki.caFile) } }],
    users: [
      {
        name: client,
        user: {
          'client-certificate-data': await base64(pki.certificateFile(client)),
          'client-key-data': await base64(pki.keyFile(client)),
        },
      },
    ],
    contexts: [{ name: client, context: { cluster: 'codebay-test', user: client } }],
    'current-context': client,
  };
  await writeFile(pki.kubeconfigFile(client), JSON.stringify(config, null, 2), { mode: 0o600 });
};

/** A certificate authority of this cluster alone, a certificate and a kubeconfig for each of its components, and one for its users: `admin`. */
export const createPki = async (folder: string, network: ClusterNetwork, apiUrl: string): Promise<Pki> => {
  await mkdir(folder, { mode: 0o700 });
  const pki: Pki = {
    folder,
    caFile: join(folder, 'ca.crt'),
    certificateFile: (name) => join(folder, `${name}.crt`),
    keyFile: (name) => join(folder, `${name}.key`),
    kubeconfigFile: (name) => join(folder, `${name}.kubeconfig`),
  };
  await certificate(folder, 'ca', '/CN=codebay-test-ca', ['keyUsage=critical,keyCertSign,cRLSign']);
  const server = [...NOT_CA, 'extendedKeyUsage=serverAuth', `subjectAltName=${apiServerNames(network)}`];
  await Promise.all([
    openssl(folder, ['genrsa', '-out', 'service-accounts.key', '2048']),
    certificate(folder, 'apiserver', '/CN=kube-apiserver', server),
    ...Object.entries(CLIENTS).map(([name, subject]) => certificate(folder, name, subject, [...NOT_CA, 'extendedKeyUsage=clientAuth'])),
  ]);
  await Promise.all((Object.keys(CLIENTS) as Client[]).map((client) => writeKubeconfig(pki, client, apiUrl)));
  return pki;
};
