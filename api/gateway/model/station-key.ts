/** Models of one's own take any word for a key ("ollama", "none"): one that short is no secret, and honest answers hold it. */
const SHORTEST_SECRET = 12;

const isSecret = (key: string): boolean => key.length >= SHORTEST_SECRET;

/** Whether a text holds the station's key for the model. */
export const holdsKey = (text: string, key: string): boolean => isSecret(key) && text.includes(key);

export const withoutKey = (text: string, key: string): string => (isSecret(key) ? text.replaceAll(key, '[key]') : text);
