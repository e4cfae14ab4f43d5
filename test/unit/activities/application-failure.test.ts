import { ApplicationFailure } from '@temporalio/common';
import { toTemporalFailure } from '../../../activities/application-failure.ts';
import { FailureError } from '../../../tasks/failure.ts';
import { StoreUnavailableError } from '../../../tasks/ports/store-unavailable-error.ts';

test.each([
  ['a final reason', new FailureError('SOURCE_NOT_FOUND', 'no such branch'), 1, true],
  ['a passing reason', new FailureError('SOURCE_UNREACHABLE', 'no route'), 3, false],
  ['a passing reason that does not pass', new FailureError('SOURCE_UNREACHABLE', 'no route'), 4, true],
])('%s', (_, error, attempt, nonRetryable) => {
  expect(toTemporalFailure(error, attempt)).toMatchObject({ type: error.reason, nonRetryable });
  expect(toTemporalFailure(error, attempt)).toBeInstanceOf(ApplicationFailure);
});

test("what lies with the station is left to the activity's own patience", () => {
  const error = new StoreUnavailableError('away');
  expect(toTemporalFailure(error, 4)).toBe(error);
});
