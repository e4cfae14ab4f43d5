import { fetchLink, openCos } from '../../support/cos.ts';
import { type ObjectStoreFixture, objectStoreContract } from '../../support/object-store-contract.ts';

/** The file name that a browser would take: RFC 5987's, which wins. */
const filenameOf = (disposition: string): string => decodeURIComponent(/filename\*=UTF-8''([^;]+)/.exec(disposition)?.[1] ?? '');

objectStoreContract('Tencent COS', async (): Promise<ObjectStoreFixture> => {
  const { server, store, close } = await openCos();
  return {
    store,
    residue: async () =>
      server
        .residue()
        .map((name) => name.slice(name.indexOf('/') + 1))
        .sort(),
    follow: async (link) => {
      const { status, headers, body } = await fetchLink(server.endpoint, link);
      if (status !== 200) return null;
      return {
        body,
        filename: filenameOf(headers['content-disposition'] ?? ''),
        contentType: headers['content-type'] ?? '',
        sizeBytes: Number(headers['content-length']),
      };
    },
    advance: (ms) => server.advance(ms),
    dispose: close,
  };
});
