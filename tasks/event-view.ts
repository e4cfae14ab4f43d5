import { z } from 'zod';
import { newEventSchema } from './events.ts';

/** An event as the API shows it, in a page and as the data of a server-sent event, whose id is `seq` and whose event is `type`. */
export const eventViewSchema = newEventSchema.and(z.object({ seq: z.int(), at: z.iso.datetime() }));
export type EventView = z.output<typeof eventViewSchema>;

/** `next_after` is where the following page goes on; `finished`: the last event of a finished task is in the page. */
export const eventPageSchema = z.object({ data: z.array(eventViewSchema), next_after: z.int(), finished: z.boolean() });
export type EventViewPage = z.output<typeof eventPageSchema>;
