import { holdsKey, withoutKey } from '../../../api/gateway/model/station-key.ts';

test('a key is noticed and taken out; the word that a local model takes for one is not', () => {
  const key = 'sk-0123456789abcdef';
  expect(holdsKey(`the key is ${key}.`, key)).toBe(true);
  expect(withoutKey(`${key} and ${key}`, key)).toBe('[key] and [key]');
  for (const word of ['', 'k', 'none', 'ollama']) {
    expect(holdsKey('ollama has none, ok', word)).toBe(false);
    expect(withoutKey('ollama has none, ok', word)).toBe('ollama has none, ok');
  }
});
