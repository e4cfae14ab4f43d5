import { createHmac, timingSafeEqual } from 'node:crypto';
import type { LinkOptions } from '../tasks/ports/object-store.ts';

/** What a live link of this station grants. */
export interface OpenedLink {
  readonly key: string;
  readonly filename: string;
  readonly contentType: string;
}

export interface LinkSigner {
  sign(key: string, options: LinkOptions): string;
  /** Null for anything that isn't a live link of this station; only path and query are looked at. */
  verify(link: URL): OpenedLink | null;
}

const PATH = '/objects/';

const decodePath = (path: string): string | null => {
  try {
    return path.split('/').map(decodeURIComponent).join('/');
  } catch {
    return null;
  }
};

/** Links that carry their own proof: an HMAC over the key, the expiry, the file name and the content type. */
export const createLinkSigner = (deps: { readonly publicUrl: string; readonly secret: string; readonly now: () => number }): LinkSigner => {
  const base = deps.publicUrl.replace(/\/+$/, '');
  const signatureOf = (...parts: readonly string[]): string =>
    createHmac('sha256', deps.secret)
      .update(`codebay-link-v1:${JSON.stringify(parts)}`)
      .digest('base64url');

  return {
    sign: (key, { expiresInMs, filename, contentType }) => {
      const expires = String(deps.now() + expiresInMs);
      const signature = signatureOf(key, expires, filename, contentType);
      const query = new URLSearchParams({ expires, name: filename, type: contentType, signature });
      return `${base}${PATH}${key.split('/').map(encodeURIComponent).join('/')}?${query}`;
    },
    verify: (link) => {
      const at = link.pathname.indexOf(PATH);
      const key = at < 0 ? null : decodePath(link.pathname.slice(at + PATH.length));
      const [expires, filename, contentType, signature] = ['expires', 'name', 'type', 'signature'].map((name) =>
        link.searchParams.get(name),
      );
      if (key === null || !expires || filename == null || contentType == null || !signature) return null;
      const expected = Buffer.from(signatureOf(key, expires, filename, contentType));
      const given = Buffer.from(signature);
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
      return Number(expires) > deps.now() ? { key, filename, contentType } : null;
    },
  };
};
