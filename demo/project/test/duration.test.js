import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDuration, parseDuration } from '../src/duration.js';

test('hours and minutes', () => {
  assert.equal(parseDuration('6h 12m'), 372);
});

test('days', () => {
  assert.equal(parseDuration('2d 3h'), 3060);
});

test('a minus counts for the whole duration', () => {
  assert.equal(parseDuration('-1h 05m'), -65);
});

test('what is printed reads back the same', () => {
  for (const minutes of [0, 59, 372, -5, -65, -371]) assert.equal(parseDuration(formatDuration(minutes)), minutes);
});
