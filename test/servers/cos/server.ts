import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createCrc64 } from '../../../platform/cos/crc64.ts';
import { createBucketFiles } from './bucket-files.ts';
import { deleteMany, listObjects, listUploads } from './bucket-requests.ts';
import { CosError, errorXml } from './cos-error.ts';
import { answer, ConnectionLost, type Exchange, readXml } from './exchange.ts';
import { createFaults, type Faults } from './faults.ts';
import { deleteLifecycle, getLifecycle, putLifecycle } from './lifecycle-requests.ts';
import { abort, complete, createUploads, initiate, listParts, uploadPart } from './multipart-requests.ts';
import { deleteObject, getObject, headObject, putObject } from './object-requests.ts';
import { type CosCredentials, checkSignature, type SignedRequest } from './signature.ts';

export interface CosServerOptions {
  /** Objects are files below it; what is there is served again. */
  readonly folder: string;
  /** `<name>-<appid>` */
  readonly buckets: readonly string[];
  readonly region: string;
  readonly credentials: CosCredentials;
  /** 0 or absent: a free one. */
  readonly port?: number;
  /** Loopback where absent. */
  readonly address?: string;
}

export interface SeenRequest {
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  /** Names of the query's parameters but the signature's. */
  readonly query: readonly string[];
  readonly range: string | undefined;
}

export interface CosServer {
  /** `http://address:port`; buckets are told apart by the Host header. */
  readonly endpoint: string;
  readonly faults: Faults;
  /** Every request in order. */
  readonly seen: readonly SeenRequest[];
  /** `<bucket>/<key>` of all objects, and `<bucket>/<key>?uploadId=…` of unfinished uploads, sorted. */
  residue(): readonly string[];
  /** Moves the server's clock. */
  advance(ms: number): void;
  /** Cuts all connections and stops listening; the folder stays. */
  close(): Promise<void>;
}

const openBucket = (root: string) => ({ root, files: createBucketFiles(root, createCrc64()), uploads: createUploads(root) });
type Bucket = ReturnType<typeof openBucket>;

const serveObject = async (exchange: Exchange, { files, uploads }: Bucket, now: number): Promise<void> => {
  const { method, query } = exchange;
  const has = (name: string): boolean => query.has(name);
  if (method === 'PUT') return has('uploadid') ? uploadPart(exchange, uploads, files) : putObject(exchange, files, now);
  if (method === 'POST' && has('uploads')) return initiate(exchange, uploads, now);
  if (method === 'POST' && has('uploadid')) return complete(exchange, uploads, files, now, await readXml(exchange, 'checked'));
  if (method === 'DELETE') return has('uploadid') ? abort(exchange, uploads, files) : deleteObject(exchange, files);
  if (method === 'HEAD') return headObject(exchange, files);
  if (method === 'GET') return has('uploadid') ? listParts(exchange, uploads) : getObject(exchange, files);
  throw new CosError(405, 'MethodNotAllowed', 'The specified method is not allowed against this resource.');
};

const serveBucket = async (exchange: Exchange, { root, files, uploads }: Bucket): Promise<void> => {
  const { method, query } = exchange;
  if (query.has('lifecycle')) {
    if (method === 'PUT') return putLifecycle(exchange, root, await readXml(exchange, 'demanded'));
    return method === 'DELETE' ? deleteLifecycle(exchange, root) : getLifecycle(exchange, root);
  }
  if (method === 'POST' && query.has('delete')) return deleteMany(exchange, files, await readXml(exchange, 'demanded'));
  if (method === 'GET') return query.has('uploads') ? listUploads(exchange, uploads) : listObjects(exchange, files);
  if (method === 'HEAD') return answer(exchange, 200);
  throw new CosError(405, 'MethodNotAllowed', 'The specified method is not allowed against this resource.');
};

/** The request's parts as signatures cover them; throws for what can't be decoded. */
const signedRequest = (request: IncomingMessage): SignedRequest => {
  const [path = '', search = ''] = (request.url ?? '').split(/\?(.*)/s);
  const pairs = search
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => pair.split(/=(.*)/s));
  return {
    method: request.method ?? '',
    path: decodeURIComponent(path),
    headers: new Map(Object.entries(request.headers).map(([name, value]) => [name, String(value)])),
    query: new Map(pairs.map(([name = '', value = '']) => [decodeURIComponent(name).toLowerCase(), decodeURIComponent(value)])),
  };
};

/**
 * A server that speaks COS's protocol as far as Codebay, the SDKs and `codebay admin cos` use it. It checks every signature and its time, keeps
 * objects as files, and fails as `faults` says.
 */
export const startCosServer = async (options: CosServerOptions): Promise<CosServer> => {
  const { address = '127.0.0.1' } = options;
  const buckets = new Map(options.buckets.map((name) => [name, openBucket(join(options.folder, name))]));
  const faults = createFaults();
  const seen: SeenRequest[] = [];
  let offsetMs = 0;
  const now = (): number => Date.now() + offsetMs;

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const signed = signedRequest(request);
    const { method, query } = signed;
    const host = (request.headers.host ?? '').replace(/:\d+$/, '');
    const bucket = host.endsWith(`.cos.${options.region}.myqcloud.com`) ? host.slice(0, host.indexOf('.cos.')) : '';
    const key = signed.path.slice(1);
    const names = [...query.keys()].filter((name) => !name.startsWith('q-'));
    seen.push({ method, bucket, key, query: names, range: request.headers.range });
    const fault = faults.take({ method, key, query });
    const exchange: Exchange = { request, response, method, bucket, key, query, fault };
    checkSignature(signed, options.credentials, now());
    if (fault?.kind === 'answer') throw new CosError(fault.status, fault.code, 'as planned');
    if (fault !== null && 'afterBytes' in fault && fault.afterBytes === 0 && fault.kind === 'reset') {
      request.socket.resetAndDestroy();
      throw new ConnectionLost();
    }
    const found = buckets.get(bucket);
    if (found === undefined) throw new CosError(404, 'NoSuchBucket', 'The specified bucket does not exist.');
    await (key === '' ? serveBucket(exchange, found) : serveObject(exchange, found, now()));
  };

  const refuse = (request: IncomingMessage, response: ServerResponse, error: unknown): void => {
    if (error instanceof ConnectionLost || response.headersSent || request.socket.destroyed) {
      response.destroy();
      return;
    }
    const known =
      error instanceof CosError ? error : new CosError(500, 'InternalError', error instanceof Error ? error.message : String(error));
    const requestId = String(response.getHeader('x-cos-request-id'));
    const body = request.method === 'HEAD' ? '' : errorXml(known, request.headers.host ?? '', requestId);
    const send = (): void => {
      response.writeHead(known.status, { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(body) }).end(body);
    };
    // COS reads a refused body to its end, too; a client that still sends would lose the answer otherwise.
    if (request.readableEnded) send();
    else request.once('end', send).resume();
  };

  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    response.setHeader('date', new Date(now()).toUTCString());
    response.setHeader('server', 'tencent-cos');
    response.setHeader('x-cos-request-id', randomBytes(12).toString('base64url'));
    serve(request, response).catch((error: unknown) => refuse(request, response, error));
  });
  server.listen(options.port ?? 0, address);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    endpoint: `http://${address}:${port}`,
    faults,
    seen,
    residue: () =>
      [...buckets]
        .flatMap(([name, { files, uploads }]) => [
          ...[...files.objects.keys()].map((key) => `${name}/${key}`),
          ...[...uploads.all.values()].map(({ key, id }) => `${name}/${key}?uploadId=${id}`),
        ])
        .sort(),
    advance: (ms) => {
      offsetMs += ms;
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};
