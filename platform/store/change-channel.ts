import { crc32 } from 'node:zlib';

/**
 * Which of the change tokens tells of a task. One token for all would wake every watcher at every event; one a task would be a row
 * to poll for each watcher.
 */
export const channelOf = (taskId: string, channels: number): number => crc32(taskId) % channels;
