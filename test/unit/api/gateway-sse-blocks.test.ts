import { type SseBlock, sseBlocks } from '../../../api/gateway/model/sse-blocks.ts';

const cut = async (text: string, sizeBytes: number) => {
  const bytes = Buffer.from(text);
  const pieces = Array.from({ length: Math.ceil(bytes.length / sizeBytes) }, (_, at) =>
    bytes.subarray(at * sizeBytes, (at + 1) * sizeBytes),
  );
  const chunks = async function* () {
    yield* pieces;
  };
  const blocks: SseBlock[] = [];
  for await (const block of sseBlocks(chunks())) blocks.push(block);
  return { data: blocks.map(({ data }) => data), text: Buffer.concat(blocks.map(({ bytes }) => bytes)).toString() };
};

describe('sseBlocks', () => {
  const stream = ': hi\n\nevent: a\ndata: {"ü":1}\n\ndata:x\r\ndata: y\r\n\r\ndata: [DONE]\n\n';

  test.each([1, 2, 3, 7, 1000])('finds the same events and bytes in pieces of %d bytes', async (sizeBytes) => {
    expect(await cut(stream, sizeBytes)).toEqual({ data: [null, '{"ü":1}', 'x\ny', '[DONE]'], text: stream });
  });

  test('gives up an unfinished event as it is', async () => {
    expect(await cut('data: a\n\ndata: {"b', 4)).toEqual({ data: ['a', '{"b'], text: 'data: a\n\ndata: {"b' });
  });
});
