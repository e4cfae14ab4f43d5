import { createBookkeep } from '../../../api/gateway/model/bookkeep.ts';
import { StoreUnavailableError } from '../../../tasks/ports/store-unavailable-error.ts';

const recorder = () => {
  const errors: string[] = [];
  return { errors, log: { info: () => {}, warn: () => {}, error: (_: object, message: string) => void errors.push(message) } };
};

test('a store that comes back is waited for', async () => {
  const { log, errors } = recorder();
  let calls = 0;
  const work = async () => {
    calls += 1;
    if (calls < 3) throw new StoreUnavailableError('away');
  };
  expect(await createBookkeep(log)('not settled', work)).toBe(true);
  expect({ calls, errors }).toEqual({ calls: 3, errors: [] });
});

test.each([
  ['a store that stays away', new StoreUnavailableError('away'), 2],
  ['any other failure, at once', new Error('broken'), 1],
])('%s is logged, and the answer goes on', async (_, error, calls) => {
  const { log, errors } = recorder();
  let called = 0;
  const work = async () => {
    called += 1;
    throw error;
  };
  expect(await createBookkeep(log, 250)('not settled', work)).toBe(false);
  expect({ called, errors }).toEqual({ called: calls, errors: ['not settled'] });
});
