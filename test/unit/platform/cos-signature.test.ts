import { checkSignature, type SignedRequest, signatureOf } from '../../servers/cos/signature.ts';

/** The key pair and requests of Tencent's "Request Signature" (document 436/7778), today's edition and the one before. */
const credentials = { secretId: 'AKIDQjz3ltompVjBni5LitkWHFlFpwkn9U5q', secretKey: 'BQYIM75p8x0iWVFSIgqEKwFprpRSVHlz' };
const host = 'examplebucket-1250000000.cos.ap-beijing.myqcloud.com';

interface Example {
  readonly name: string;
  readonly request: Omit<SignedRequest, 'headers'> & { readonly headers: Readonly<Record<string, string>> };
  readonly time: string;
  readonly headers: string;
  readonly parameters: string;
  readonly signature: string;
}

const EXAMPLES: readonly Example[] = [
  {
    name: 'an upload',
    request: {
      method: 'PUT',
      path: '/exampleobject(腾讯云)',
      query: new Map(),
      headers: {
        date: 'Thu, 16 May 2019 06:45:51 GMT',
        host,
        'content-type': 'text/plain',
        'content-length': '13',
        'content-md5': 'mQ/fVh815F3k6TAUm8m0eg==',
        'x-cos-acl': 'private',
        'x-cos-grant-read': 'uin="100000000011"',
      },
    },
    time: '1557989151;1557996351',
    headers: 'content-length;content-md5;content-type;date;host;x-cos-acl;x-cos-grant-read',
    parameters: '',
    signature: '3b8851a11a569213c17ba8fa7dcf2abec6935172',
  },
  {
    name: 'a download',
    request: {
      method: 'GET',
      path: '/exampleobject(腾讯云)',
      query: new Map([
        ['response-content-type', 'application/octet-stream'],
        ['response-cache-control', 'max-age=600'],
      ]),
      headers: { date: 'Thu, 16 May 2019 06:55:53 GMT', host },
    },
    time: '1557989753;1557996953',
    headers: 'date;host',
    parameters: 'response-cache-control;response-content-type',
    signature: '01681b8c9d798a678e43b685a9f1bba0f6c0e012',
  },
  {
    name: 'a download of a range',
    request: {
      method: 'GET',
      path: '/testfile',
      query: new Map(),
      headers: { host: 'bucket1-1254000000.cos.ap-beijing.myqcloud.com', range: 'bytes=0-3' },
    },
    time: '1417773892;1417853898',
    headers: 'host;range',
    parameters: '',
    signature: '4b6cbab14ce01381c29032423481ebffd514e8be',
  },
];

const authorizationOf = ({ time, headers, parameters, signature }: Example): string =>
  `q-sign-algorithm=sha1&q-ak=${credentials.secretId}&q-sign-time=${time}&q-key-time=${time}` +
  `&q-header-list=${headers}&q-url-param-list=${parameters}&q-signature=${signature}`;

const verdict = (request: SignedRequest, atSeconds: number): string => {
  try {
    checkSignature(request, credentials, atSeconds * 1000);
    return 'accepted';
  } catch (error) {
    return error instanceof Error && 'code' in error ? `${error.code}: ${error.message}` : String(error);
  }
};

describe.each(EXAMPLES)("Tencent's example of $name", (example) => {
  const [start = 0, end = 0] = example.time.split(';').map(Number);
  const headers = new Map(Object.entries({ ...example.request.headers, authorization: authorizationOf(example) }));
  const request = { ...example.request, headers };

  test('is signed as published', () => {
    const lists = { headers: example.headers.split(';'), parameters: example.parameters.split(';').filter((name) => name !== '') };
    expect(signatureOf(request, credentials.secretKey, { keyTime: example.time, signTime: example.time }, lists)).toBe(example.signature);
  });

  test('is accepted in its header and, presigned, in its query', () => {
    expect(verdict(request, start)).toBe('accepted');
    const query = new Map([...request.query, ...new URLSearchParams(authorizationOf(example))]);
    expect(verdict({ ...request, headers: new Map(Object.entries(example.request.headers)), query }, end)).toBe('accepted');
  });

  test('is refused before its time, after it, and changed in anything', () => {
    expect(verdict(request, end + 1)).toBe('AccessDenied: Request has expired');
    expect(verdict(request, start - 901)).toMatch(/^RequestTimeTooSkewed/);
    expect(verdict({ ...request, path: `${request.path}x` }, start)).toMatch(/^SignatureDoesNotMatch/);
    expect(verdict({ ...request, method: 'HEAD' }, start)).toMatch(/^SignatureDoesNotMatch/);
    for (const name of example.headers.split(';')) {
      expect(verdict({ ...request, headers: new Map([...headers, [name, 'changed']]) }, start)).toMatch(/^SignatureDoesNotMatch/);
    }
    for (const name of request.query.keys()) {
      expect(verdict({ ...request, query: new Map([...request.query, [name, 'changed']]) }, start)).toMatch(/^SignatureDoesNotMatch/);
    }
    expect(verdict({ ...request, headers: new Map(Object.entries(example.request.headers)) }, start)).toMatch(/^AccessDenied/);
  });
});
