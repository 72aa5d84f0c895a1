/**
 * A processor behind HTTP. The model decides everything; this shell carries calls in and answers out,
 * and wakes the model with one timer, whatever the number of calls that wait.
 *
 * A body that fails before its first byte makes Bun.serve close the connection without any answer,
 * and one that fails later makes it break off: that is how faults reach the caller. Breaking off is
 * seen by the caller as a body shorter than announced (a chunked one without its end: Bun.serve lets
 * nobody announce a Content-Length of their own). Failing with `undefined` keeps stderr quiet.
 */
import { systemClock, type Clock } from "../shared/clock.ts";
import { Leave, type LeaveTimes } from "../shared/http/leave.ts";
import { targetOf } from "../shared/http/target.ts";
import type { Answer, Call, Whole } from "./processor.ts";
import type { Form } from "./processor/form.ts";
import { ProcessorModel } from "./processor.ts";

export type SimulatorOptions = {
  readonly name: string;
  readonly fee: number;
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly random?: () => number;
  /** The contest's, unless another is given. */
  readonly form?: Form;
  readonly clock?: Clock;
};

export interface Simulator extends AsyncDisposable {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  readonly model: ProcessorModel;
  /** Closes every connection at once; calls in flight get no answer. */
  stop(): Promise<void>;
  /** Stops, and answers what is there first. */
  drain(): Promise<void>;
}

/** The longest timeout that Bun.serve knows; silence is the model's to decide. */
const IDLE_SECONDS = 255;
/** A call that its weather keeps waiting is broken off. */
const LEAVE_TIMES: LeaveTimes = { quietMs: 100, answerMsMax: 1_000, breakOffMs: 1_000 };

export function startSimulator(options: SimulatorOptions): Simulator {
  const { fee, form, random = Math.random } = options;
  const model = new ProcessorModel({ fee, random, ...(form && { form }) });
  const shell = new Shell(model, options.clock ?? systemClock);
  const leave = new Leave(LEAVE_TIMES);
  const server = Bun.serve({
    hostname: options.host,
    port: options.port,
    idleTimeout: IDLE_SECONDS,
    development: false,
    fetch: async (request, self) => leave.mark(await shell.serve(request, self)),
  });
  const stop = async () => {
    shell.close();
    await server.stop(true);
  };
  return {
    name: options.name,
    url: urlOf(options.host, server.port as number),
    port: server.port as number,
    model,
    stop,
    async drain() {
      await leave.end(server);
      shell.close();
    },
    [Symbol.asyncDispose]: stop,
  };
}

class Shell {
  readonly #model: ProcessorModel;
  readonly #nowMs: () => number;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #timer: { readonly id: Timer; readonly dueAtMs: number } | null = null;

  constructor(model: ProcessorModel, clock: Clock) {
    this.#model = model;
    // Wall time must never step: a delay would grow because a clock was set.
    const offsetMs = clock.wallMs() - clock.steadyMs();
    this.#nowMs = () => offsetMs + clock.steadyMs();
  }

  async serve(request: Request, server: Bun.Server<undefined>): Promise<Response> {
    let body: string;
    try {
      body = await request.text();
    } catch {
      // The caller hung up in mid-body: there is no call, and nobody to answer.
      return dropped();
    }
    const outcome = this.#model.apply(this.#nowMs(), callOf(request, body));
    const answer = outcome.kind === "pending" ? this.#later(outcome.ticket) : outcome;
    // A call may make others due: one that takes the processor down drops those in flight.
    if (this.#waiting.size > 0) this.#arm();
    return responseOf(await answer, () => server.timeout(request, 0));
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer.id);
    this.#timer = null;
    this.#waiting.clear();
  }

  #later(ticket: number): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#waiting.set(ticket, resolve);
    return promise;
  }

  #arm(): void {
    const dueAtMs = this.#model.nextDueAtMs();
    if (dueAtMs === null || (this.#timer !== null && this.#timer.dueAtMs <= dueAtMs)) return;
    if (this.#timer !== null) clearTimeout(this.#timer.id);
    const waitMs = Math.max(0, Math.ceil(dueAtMs - this.#nowMs()));
    this.#timer = { id: setTimeout(() => this.#wake(), waitMs), dueAtMs };
  }

  #wake(): void {
    this.#timer = null;
    for (const { ticket, answer } of this.#model.advance(this.#nowMs())) {
      const resolve = this.#waiting.get(ticket);
      this.#waiting.delete(ticket);
      resolve?.(answer);
    }
    this.#arm();
  }
}

function callOf(request: Request, body: string): Call {
  return {
    method: request.method,
    path: targetOf(request.url),
    contentType: request.headers.get("content-type"),
    token: request.headers.get("x-rinha-token"),
    authorization: request.headers.get("authorization"),
    key: request.headers.get("idempotency-key"),
    body,
  };
}

function responseOf(answer: Answer, keepOpen: () => void): Response | Promise<Response> {
  switch (answer.kind) {
    case "whole":
      return new Response(answer.body || null, answer);
    case "rows":
      return rows(answer.chunks);
    case "truncated":
      return truncated(answer.of);
    case "dropped":
      return dropped();
    case "silent":
      keepOpen();
      return new Promise(() => {});
  }
}

function dropped(): Response {
  return new Response(new ReadableStream({ pull: (body) => body.error(undefined) }));
}

function truncated(answer: Whole): Response {
  const half = new TextEncoder().encode(answer.body.slice(0, answer.body.length / 2));
  const body = new ReadableStream({
    async pull(controller) {
      controller.enqueue(half);
      // A body that fails in the same turn fails before the first byte, and not even the status
      // would go out.
      await new Promise(setImmediate);
      controller.error(undefined);
    },
  });
  return new Response(body, answer);
}

function rows(chunks: Iterable<string>): Response {
  const iterator = chunks[Symbol.iterator]();
  const encoder = new TextEncoder();
  const body = new ReadableStream({
    pull(controller) {
      const next = iterator.next();
      if (next.done === true) controller.close();
      else controller.enqueue(encoder.encode(next.value));
    },
  });
  return new Response(body, { headers: { "content-type": "application/x-ndjson" } });
}

/** Address at which a server bound to `host` can be called from its own machine. */
export function urlOf(host: string, port: number): string {
  const callable = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `http://${callable.includes(":") ? `[${callable}]` : callable}:${port}`;
}
