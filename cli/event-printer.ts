import type { EventView } from '../tasks/event-view.ts';
import { harmless, paint } from './terminal.ts';

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const dollars = (amount: number | null): string => (amount === null ? '' : `, $${amount.toFixed(4)}`);

/** Turns a task's events into lines as they come. `stream` decides about colours. */
export const createEventPrinter = (stream: NodeJS.WriteStream): ((event: EventView) => void) => {
  let beganMs: number | null = null;
  let shown = '';
  let midLine = false;
  const raw = (text: string): void => {
    stream.write(text);
  };
  const line = (text: string): void => {
    raw(`${midLine ? '\n' : ''}${text}\n`);
    midLine = false;
  };
  const dim = (text: string): string => paint('dim', text, stream);

  const log = (name: string, text: string): void => {
    const bar = dim(`${name.padEnd(6)}│ `);
    for (const piece of harmless(text).split(/(?<=\n)/)) {
      if (piece === '') continue;
      raw(`${midLine ? '' : bar}${piece}`);
      midLine = !piece.endsWith('\n');
    }
  };

  return (event) => {
    const at = Date.parse(event.at);
    beganMs ??= at;
    switch (event.type) {
      case 'status': {
        const { status, phase, waiting_for: waiting, failure } = event.data;
        const what = `${phase ?? status}${waiting === null ? '' : ` (waiting for ${waiting})`}`;
        if (what !== shown)
          line(`${paint('cyan', '▸', stream)} ${paint('bold', what.padEnd(24), stream)} ${dim(`+${seconds(at - beganMs)}`)}`);
        shown = what;
        if (failure !== null) line(paint('red', `  ${failure.reason}: ${harmless(failure.detail)}`, stream));
        return;
      }
      case 'log':
        return log(event.data.stream, event.data.text);
      case 'model_turn': {
        const { turn, model, input_tokens: input, output_tokens: output, cost_usd: cost, replayed } = event.data;
        return line(
          dim(`  turn ${turn} · ${harmless(model)} · ${input} tokens in, ${output} out${dollars(cost)}${replayed ? ' · replayed' : ''}`),
        );
      }
      case 'run':
        return line(
          dim(`  run ${event.data.run_id} ${event.data.change}${event.data.detail === '' ? '' : `: ${harmless(event.data.detail)}`}`),
        );
      case 'message':
        return line(dim(`  message ${event.data.change}: ${harmless(event.data.text)}`));
      case 'egress':
        return line(
          dim(
            `  set-up → ${harmless(event.data.host)}:${event.data.port} ${event.data.decision}${event.data.reason === '' ? '' : ` (${event.data.reason})`}`,
          ),
        );
      case 'setup': {
        const { change, script, sha256, detail } = event.data;
        return line(dim(`  set-up ${harmless(script)} (sha256 ${sha256.slice(0, 12)}) ${change}: ${harmless(detail)}`));
      }
      case 'checkpoint':
        return;
    }
  };
};
