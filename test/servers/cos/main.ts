import { z } from 'zod';
import { startCosServer } from './server.ts';

/** The server as a process of its own: its options as JSON in the first argument, but the keys, which come by the environment; it says when it is ready. */
const { COS_SECRET_ID: secretId = '', COS_SECRET_KEY: secretKey = '' } = process.env;
const options = z
  .object({ folder: z.string(), buckets: z.array(z.string()), region: z.string(), port: z.number().optional(), address: z.string() })
  .parse(JSON.parse(process.argv[2] ?? ''));
const { endpoint } = await startCosServer({ ...options, credentials: { secretId, secretKey } });
process.stdout.write(`${JSON.stringify({ ready: true, endpoint })}\n`);
