import { createTurnCounter } from '../../../agent/sidecar/turn-counter.ts';

test('a question asked again before its answer arrived whole is the same turn', () => {
  const turns = createTurnCounter();
  expect(turns.current()).toBe(0);
  expect(turns.begin('a').number).toBe(1);
  expect(turns.begin('a').number).toBe(1);
  turns.delivered();
  expect(turns.begin('a').number).toBe(2);
  expect(turns.begin('b').number).toBe(3);
  expect(turns.current()).toBe(3);
});

test('a resumed run goes on with its checkpoint’s turn only for the same question', () => {
  expect(createTurnCounter({ number: 7, sha256: 'a' }).begin('a').number).toBe(7);
  expect(createTurnCounter({ number: 7, sha256: 'a' }).begin('b').number).toBe(8);
});
