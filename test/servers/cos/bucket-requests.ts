import type { BucketFiles } from './bucket-files.ts';
import { CosError, escapeXml } from './cos-error.ts';
import { answer, type Exchange, elements, textsOf } from './exchange.ts';
import type { Uploads } from './multipart-requests.ts';

const PAGE = 1000;

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

const pageSize = (asked: string | undefined): number => Math.min(Number(asked || PAGE), PAGE);

/** Keys as a list shows them. */
const shown = ({ query }: Exchange): ((key: string) => string) =>
  query.get('encoding-type') === 'url' ? (key) => encodeURIComponent(key).replaceAll('%2F', '/') : escapeXml;

export const listObjects = (exchange: Exchange, { objects }: BucketFiles): void => {
  const { query, bucket } = exchange;
  const [prefix, marker, delimiter] = [query.get('prefix') ?? '', query.get('marker') ?? '', query.get('delimiter') ?? ''];
  const limit = pageSize(query.get('max-keys'));
  const show = shown(exchange);
  // An entry is a key, or what is common to all keys that go on after the delimiter.
  const entryOf = (key: string): string => {
    const at = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    return at < 0 ? key : key.slice(0, at + delimiter.length);
  };
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).map(entryOf);
  const entries = [...new Set(keys)].filter((entry) => byBytes(entry, marker) > 0).sort(byBytes);
  const page = entries.slice(0, limit);
  const truncated = entries.length > limit;
  const items = page.map((entry) => {
    const object = objects.get(entry);
    if (object === undefined || (delimiter !== '' && entry.endsWith(delimiter)))
      return `<CommonPrefixes><Prefix>${show(entry)}</Prefix></CommonPrefixes>`;
    const modified = new Date(object.modifiedAt).toISOString();
    return `<Contents><Key>${show(entry)}</Key><LastModified>${modified}</LastModified><ETag>${escapeXml(object.etag)}</ETag><Size>${object.sizeBytes}</Size></Contents>`;
  });
  const next = truncated ? `<NextMarker>${show(page.at(-1) ?? '')}</NextMarker>` : '';
  const head = `<Name>${bucket}</Name><Prefix>${show(prefix)}</Prefix><Marker>${show(marker)}</Marker><MaxKeys>${limit}</MaxKeys>`;
  answer(exchange, 200, {}, `<ListBucketResult>${head}<IsTruncated>${truncated}</IsTruncated>${next}${items.join('')}</ListBucketResult>`);
};

export const listUploads = (exchange: Exchange, uploads: Uploads): void => {
  const { query, bucket } = exchange;
  const [prefix, keyMarker, idMarker] = [query.get('prefix') ?? '', query.get('key-marker') ?? '', query.get('upload-id-marker') ?? ''];
  const limit = pageSize(query.get('max-uploads'));
  const show = shown(exchange);
  const matching = [...uploads.all.values()]
    .filter(({ key }) => key.startsWith(prefix))
    .filter(({ key, id }) => byBytes(key, keyMarker) > 0 || (key === keyMarker && idMarker !== '' && byBytes(id, idMarker) > 0))
    .sort((a, b) => byBytes(a.key, b.key) || byBytes(a.id, b.id));
  const page = matching.slice(0, limit);
  const truncated = matching.length > limit;
  const items = page.map(
    ({ key, id, initiatedAt }) =>
      `<Upload><Key>${show(key)}</Key><UploadId>${id}</UploadId><Initiated>${new Date(initiatedAt).toISOString()}</Initiated></Upload>`,
  );
  const last = page.at(-1);
  const next =
    truncated && last ? `<NextKeyMarker>${show(last.key)}</NextKeyMarker><NextUploadIdMarker>${last.id}</NextUploadIdMarker>` : '';
  answer(
    exchange,
    200,
    {},
    `<ListMultipartUploadsResult><Bucket>${bucket}</Bucket><IsTruncated>${truncated}</IsTruncated>${next}${items.join('')}</ListMultipartUploadsResult>`,
  );
};

export const deleteMany = (exchange: Exchange, files: BucketFiles, xml: string): void => {
  const keys = elements(xml, 'Object').flatMap((object) => textsOf(object, 'Key'));
  if (keys.length === 0 || keys.length > PAGE) throw new CosError(400, 'MalformedXML', 'One request deletes 1 to 1000 objects.');
  const quiet = textsOf(xml, 'Quiet')[0] === 'true';
  const { fault } = exchange;
  const results = keys.map((key) => {
    if (fault?.kind === 'refuse_keys' && fault.keys.test(key)) {
      return `<Error><Key>${escapeXml(key)}</Key><Code>${fault.code}</Code><Message>refused</Message></Error>`;
    }
    files.remove(key);
    return quiet ? '' : `<Deleted><Key>${escapeXml(key)}</Key></Deleted>`;
  });
  answer(exchange, 200, {}, `<DeleteResult>${results.join('')}</DeleteResult>`);
};
