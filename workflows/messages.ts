import { defineSignal } from '@temporalio/workflow';

/** A slot may be free; the workflow asks for it again. Without it a waiting task asks by itself, ever less often. */
export const slotOffered = defineSignal('slotOffered');
