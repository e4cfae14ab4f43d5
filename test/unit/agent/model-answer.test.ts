import { assembleAnswer } from '../../../agent/model/answer.ts';

async function* stream(...deltas: readonly object[]): AsyncGenerator<unknown> {
  for (const delta of deltas) yield { choices: [{ delta, finish_reason: null }] };
  yield { choices: [{ delta: {}, finish_reason: 'tool_calls' }] };
  yield { choices: [], usage: { prompt_tokens: 5, completion_tokens: 2 } };
}

const call = (rest: object): object => ({ tool_calls: [rest] });

const callsOf = async (...deltas: readonly object[]) => (await assembleAnswer(stream(...deltas))).calls;

const two = [
  { id: 'a', name: 'shell', arguments: '{"x":1}' },
  { id: 'b', name: 'search', arguments: '{}' },
];

test('puts text, interleaved calls and usage together', async () => {
  const answer = await assembleAnswer(
    stream(
      { content: 'Hel' },
      call({ index: 0, id: 'a', function: { name: 'shell', arguments: '' } }),
      call({ index: 1, id: 'b', function: { name: 'search', arguments: '{' } }),
      call({ index: 0, function: { arguments: '{"x":1}' } }),
      { content: 'lo' },
      call({ index: 1, function: { arguments: '}' } }),
    ),
  );
  expect(answer).toEqual({ text: 'Hello', calls: two, finish: 'tool_calls', usage: { input: 5, output: 2 } });
});

test('takes endpoints that leave out the index or repeat 0', async () => {
  const [first, second] = two.map(({ id, name, arguments: json }) => ({ id, function: { name, arguments: json } }));
  expect(await callsOf(call({ ...first }), call({ ...second }))).toEqual(two);
  expect(await callsOf(call({ index: 0, ...first }), call({ index: 0, ...second }))).toEqual(two);
});

test('a stream without a finish reason and a chunk of another shape are unparsable', async () => {
  async function* cut(): AsyncGenerator<unknown> {
    yield { choices: [{ delta: { content: 'Hel' } }] };
  }
  async function* strange(): AsyncGenerator<unknown> {
    yield { choices: 'none' };
  }
  await expect(assembleAnswer(cut())).rejects.toMatchObject({ kind: 'unparsable' });
  await expect(assembleAnswer(strange())).rejects.toMatchObject({ kind: 'unparsable' });
});
