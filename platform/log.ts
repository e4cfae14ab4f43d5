import { type Logger, pino } from 'pino';

/** Structured logs on stderr, one JSON object a line. Nothing that is logged may hold a secret; these fields are cut all the same. */
export const createLog = (name: string, level: string): Logger =>
  pino(
    { name, level, redact: ['authorization', '*.authorization', 'headers.authorization', 'apiKey', '*.apiKey', 'identity', '*.identity'] },
    pino.destination({ dest: 2, sync: true }),
  );
