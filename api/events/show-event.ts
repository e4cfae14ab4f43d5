import type { EventView } from '../../tasks/event-view.ts';
import type { TaskEvent } from '../../tasks/events.ts';
import { isTerminal } from '../../tasks/status.ts';

/** Where an event came from is the station's own business; all else is shown. */
export const showEvent = ({ source: _, at, ...event }: TaskEvent): EventView => ({ ...event, at: new Date(at).toISOString() });

/** Nothing that a user needs comes after it. */
export const isLastEvent = (event: TaskEvent): boolean => event.type === 'status' && isTerminal(event.data.status);

/** One server-sent event. JSON has no line breaks of its own, so it is one data line. */
export const frameOf = (event: TaskEvent): string =>
  `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(showEvent(event))}\n\n`;
