export { type CodebayClient, createClient, type EventOptions, type SubmitOptions, type TaskRequest } from './client.ts';
export { CodebayError } from './error.ts';
