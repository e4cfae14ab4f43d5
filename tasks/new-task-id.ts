import { v7 as uuidv7 } from 'uuid';

/** A fresh, time-ordered task id (UUID version 7: 36 characters). */
export const newTaskId = (): string => uuidv7();
