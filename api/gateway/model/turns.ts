import { randomUUID } from 'node:crypto';
import { FAILURES, isFailureReason } from '../../../tasks/failure.ts';
import type { Ledger, Settlement } from '../../../tasks/ports/ledger.ts';
import type { RunRecord } from '../../../tasks/run.ts';
import { isTerminal } from '../../../tasks/status.ts';
import type { TaskRecord } from '../../../tasks/task.ts';
import type { ModelPrice } from '../../../tasks/usage.ts';
import { type AdmittedRun, isCurrent, runOver } from '../admission.ts';
import { asGatewayError, openAiError } from '../error-response.ts';
import type { GatewayError } from '../gateway-error.ts';
import type { LiveWork } from '../live-work.ts';
import type { GatewayLog } from '../options.ts';
import type { SharedRate } from '../rate.ts';
import type { Announce } from '../run/announcer.ts';
import { type AnswerBuffer, createAnswerBuffer } from './answer-buffer.ts';
import { createBookkeep } from './bookkeep.ts';
import { budgetOf, costMicrosOf } from './budget.ts';
import type { Journal, TurnId } from './journal.ts';
import type { AnswerHead, CallEnd, CallSink, createModelCall } from './model-call.ts';
import { modelError } from './model-error.ts';
import type { ModelRequest } from './model-request.ts';

/** One turn under way, shared by all who ask the same. */
interface Flight {
  readonly head: Promise<AnswerHead>;
  readonly answer: AnswerBuffer;
  readonly runIds: Set<string>;
  readonly landed: Promise<void>;
}

export interface TurnAnswer {
  readonly head: AnswerHead;
  /** Fails where the answer breaks off. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface Turns {
  /** The answer to this request at this turn of the task: from the journal, from the same request under way, or from the model. */
  ask(admitted: AdmittedRun, turn: number, request: ModelRequest): Promise<TurnAnswer>;
  /** When no turn is under way. */
  landed(): Promise<void>;
}

/** Whether asking the same again is no use: a begun stream then ends with the error instead of breaking off after it. */
const isFinal = ({ code }: GatewayError): boolean => isFailureReason(code) && !FAILURES[code].retryable;

const isOpen = (task: TaskRecord | null): boolean => task !== null && !task.cancel_requested && !isTerminal(task.status);

/** Whether the run, or the successor of one that was lost or interrupted, will want the answer: a turn is paid for already. */
const isAwaited = (runId: string, runs: readonly RunRecord[]): boolean => {
  if (isCurrent(runId, runs)) return true;
  const run = runs.find(({ id }) => id === runId);
  return run !== undefined && (run.completion === null || run.completion.outcome === 'interrupted');
};

/** Model turns: each is reserved, asked once, journaled and settled, whoever still listens. */
export const createTurns = (deps: {
  readonly ledger: Ledger;
  readonly journal: Journal;
  readonly call: ReturnType<typeof createModelCall>;
  readonly announce: Announce;
  readonly liveWork: LiveWork;
  readonly rate: SharedRate;
  readonly prices: Readonly<Record<string, ModelPrice>>;
  readonly log: GatewayLog;
}): Turns => {
  const flights = new Map<string, Flight>();
  const priceOf = (model: string) => (Object.hasOwn(deps.prices, model) ? deps.prices[model] : undefined);

  const bookkeep = createBookkeep(deps.log);

  const tell = (id: TurnId, source: string, model: string, settlement: Omit<Settlement, 'kind' | 'journaled'>, replayed: boolean) =>
    deps.announce(id.taskId, source, {
      type: 'model_turn',
      data: {
        turn: id.turn,
        model,
        input_tokens: settlement.inputTokens,
        output_tokens: settlement.outputTokens,
        cost_usd: settlement.costMicros === null ? null : settlement.costMicros / 1_000_000,
        replayed,
      },
    });

  const reserve = async ({ task, run }: AdmittedRun, id: TurnId, request: ModelRequest): Promise<string> => {
    const price = priceOf(request.model);
    const worst = { inputTokens: request.inputTokens, outputTokens: request.maxOutputTokens };
    const reserved = await deps.ledger.reserve(
      {
        ...id,
        runId: run.id,
        model: request.model,
        tokens: worst.inputTokens + worst.outputTokens,
        costMicros: costMicrosOf(price, worst),
      },
      budgetOf(task, request.model, price),
    );
    if (!reserved.granted) {
      throw modelError(402, 'BUDGET_EXHAUSTED', 'what is left of the budget does not cover the worst case of this turn');
    }
    return reserved.id;
  };

  const settlementOf = (request: ModelRequest, end: CallEnd, journaled: boolean): Settlement => {
    const told = end.state === 'answered' ? end.usage : null;
    const free = end.state === 'broken' && !end.charged;
    const guess = { inputTokens: request.inputTokens, outputTokens: end.outputGuess };
    const used = free ? { inputTokens: 0, outputTokens: 0 } : (told ?? guess);
    const kind = free || told !== null ? 'reported' : 'estimated';
    return { ...used, costMicros: costMicrosOf(priceOf(request.model), used), kind, journaled };
  };

  /** Gives the journaled answer; false where there is none. */
  const replay = async (id: TurnId, model: string, sink: CallSink): Promise<boolean> => {
    const kept = await deps.journal.find(id);
    if (kept === null) return false;
    const spent = { inputTokens: kept.inputTokens, outputTokens: kept.outputTokens, costMicros: 0 };
    const source = `replay:${randomUUID()}`;
    await bookkeep('a replayed turn could not be announced', () => tell(id, source, model, spent, true));
    sink.begin({ contentType: kept.contentType, requestId: null });
    sink.write(kept.body);
    return true;
  };

  const keep = (id: TurnId, end: Extract<CallEnd, { state: 'answered' }>, answer: AnswerBuffer): Promise<boolean> => {
    const whole = Buffer.concat([answer.bytes(), end.last]);
    return bookkeep('an answer could not be journaled', () => deps.journal.keep(id, end.head.contentType, whole));
  };

  const fly = async (admitted: AdmittedRun, id: TurnId, request: ModelRequest, flight: Flight, sink: CallSink, abort: AbortSignal) => {
    if (await replay(id, request.model, sink)) return;
    await deps.rate.take(id.taskId);
    const reservation = await reserve(admitted, id, request);
    const end = await deps.call(request, sink, abort);
    const journaled = end.state === 'answered' && end.replayable && (await keep(id, end, flight.answer));
    const settlement = settlementOf(request, end, journaled);
    await bookkeep('a turn could not be settled', () => deps.ledger.settle(reservation, settlement));
    if (settlement.inputTokens + settlement.outputTokens > 0) {
      await bookkeep('a turn could not be announced', () => tell(id, `turn:${reservation}`, request.model, settlement, false));
    }
    if (end.state === 'broken') {
      deps.log.warn({ task_id: id.taskId, turn: id.turn, model: request.model, code: end.error.code }, 'a model turn failed');
      throw end.error;
    }
    sink.begin(end.head);
    sink.write(end.last);
  };

  const takeOff = (admitted: AdmittedRun, id: TurnId, key: string, request: ModelRequest): Flight => {
    const head = Promise.withResolvers<AnswerHead>();
    // Whoever asked may have gone; the refusal is theirs alone.
    head.promise.catch(() => undefined);
    const answer = createAnswerBuffer();
    const abort = new AbortController();
    const runIds = new Set([admitted.run.id]);
    const sink: CallSink = { begin: head.resolve, write: answer.write };
    const unwatch = deps.liveWork.add({
      runId: admitted.run.id,
      mayGoOn: (now) => now === null || (isOpen(now.task) && [...runIds].some((runId) => isAwaited(runId, now.runs))),
      cut: (why) => abort.abort(why),
    });
    const landing = Promise.withResolvers<void>();
    const flight: Flight = { head: head.promise, answer, runIds, landed: landing.promise };
    flights.set(key, flight);
    const land = async () => {
      try {
        await fly(admitted, id, request, flight, sink, abort.signal);
        answer.end();
      } catch (error) {
        const told = asGatewayError(error, deps.log);
        head.reject(told);
        if (request.stream && isFailureReason(told.code)) answer.write(Buffer.from(`data: ${JSON.stringify(openAiError(told))}\n\n`));
        if (request.stream && isFinal(told)) answer.end();
        else answer.fail(told);
      } finally {
        unwatch();
        flights.delete(key);
        landing.resolve();
      }
    };
    void land();
    return flight;
  };

  return {
    ask: async (admitted, turn, request) => {
      if (admitted.task.cancel_requested) throw runOver('the task is cancelled');
      const id: TurnId = { taskId: admitted.task.id, turn, requestSha256: request.sha256 };
      const key = `${id.taskId} ${turn} ${request.sha256}`;
      const flight = flights.get(key) ?? takeOff(admitted, id, key, request);
      flight.runIds.add(admitted.run.id);
      return { head: await flight.head, body: flight.answer.read() };
    },
    landed: async () => {
      await Promise.all([...flights.values()].map((flight) => flight.landed));
    },
  };
};
