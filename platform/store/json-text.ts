/** JSON in a text column. The phantom type says what is inside, so that only what was encoded as `T` is decoded as `T`. */
export type JsonText<T> = string & { readonly __json?: T };

export const encode = <T>(value: T): JsonText<T> => JSON.stringify(value) as JsonText<T>;

export const decode = <T>(text: JsonText<T>): T => JSON.parse(text);

export const decodeNullable = <T>(text: JsonText<T> | null): T | null => (text === null ? null : decode(text));
