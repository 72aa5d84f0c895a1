/**
 * Passes requests on to a worker's HTTP port and hands its answers back. Answers are read whole, so
 * that a worker which stops half-way gives a clean 503; only event streams are handed on as they come.
 * With several workers the next one is asked when one cannot answer: a question may be asked twice, an
 * order only when it never left.
 *
 * `fetch` has room for 256 calls in this process: requests, pages that are open and streams of what ended
 * have a limit each, together below it, so that none of them can keep another waiting.
 */
import type { ReadableStreamDefaultController, ReadableStreamDefaultReader } from "node:stream/web";
import type { Readiness } from "../shared/http-api/readiness.ts";
import { TABLE } from "../shared/http-api/table.ts";
import { readRequestBody } from "../shared/http/request-body.ts";
import { pathOf } from "../shared/http/target.ts";
import { fetchFrom, isOurs } from "../shared/net/fetch.ts";
import type { Resolve } from "../shared/net/names.ts";
import { Overdue } from "../shared/net/overdue.ts";
import { detailOf, problem, unavailable } from "../shared/problem.ts";
import { Sites, type Site } from "./workers/sites.ts";

export type PassOn = {
  /** `target` is path and query. `onEventStream` is called when the answer will stay open. */
  pass(request: Request, target: string, onEventStream: () => void): Promise<Response>;
  /** A worker's word about itself at its own `/readyz`; null when it says nothing in time. */
  readiness(origin: string): Promise<Readiness | null>;
  /** Ends every event stream, and lets no new one begin. */
  endEventStreams(): void;
};

export type PassOnOptions = {
  /** Origins of the workers, at least one, in the order in which they are to be asked. */
  readonly origins: () => readonly string[];
  readonly timeoutMs: number;
  /** Finds the addresses of a worker's name. */
  readonly resolve?: Resolve;
};

/** Load balancers give a check a second or so. */
const READINESS_MS_MAX = 500;
export const PASSED_ON_MAX = 128;
/** Most open streams: of figures, for pages, and of what ended, for shops, of which the worker has 64 for all. */
export const STREAMS_MAX = { pages: 64, events: 32 };
const FETCH_CALLS_MAX = 256;
if (PASSED_ON_MAX + STREAMS_MAX.pages + STREAMS_MAX.events >= FETCH_CALLS_MAX) {
  throw new Error("passed-on requests and event streams do not fit into what fetch has room for");
}

/** Nothing that is passed on has a large body. */
const PASSED_BODY_BYTES_MAX = 16 * 1024;

const REQUEST_HEADERS = [
  "accept",
  "authorization",
  "content-type",
  "if-none-match",
  "last-event-id",
];
/** Headers that concern one connection only, and those that this server writes by itself. */
const NOT_HANDED_BACK = [
  "connection",
  "content-length",
  "date",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];
const BODILESS_STATUSES = new Set([204, 304]);

type Body = string | null;

export function createPassOn({ origins, timeoutMs, resolve }: PassOnOptions): PassOn {
  const sites = new Sites(resolve);
  const streams = { pages: new Set<EventStream>(), events: new Set<EventStream>() };
  let passedOn = 0;
  const askingReadiness = new Map<string, Promise<Readiness | null>>();
  let ended = false;

  async function pass(
    request: Request,
    target: string,
    onEventStream: () => void,
  ): Promise<Response> {
    const url = origins()[0] + target;
    // An address that parsing would change, by `..` say, could reach a path that is not in the list.
    if (new URL(url).href !== url) return problem(400, "The path is not in its normal form.");
    if (passedOn >= PASSED_ON_MAX) return unavailable("Too many requests wait for the worker.");
    passedOn += 1;
    try {
      return await ask(request, target, onEventStream);
    } finally {
      passedOn -= 1;
    }
  }

  async function ask(
    request: Request,
    target: string,
    onEventStream: () => void,
  ): Promise<Response> {
    const { method } = request;
    const body = method === "POST" ? await readRequestBody(request, PASSED_BODY_BYTES_MAX) : null;
    if (body?.kind === "refused") return body.answer;

    const text = body?.text || null;
    const [first = "", ...others] = origins();
    const last = others.pop();
    const untilMs = performance.now() + timeoutMs;
    // A worker that is not the last leaves time for the next one.
    for (const origin of last === undefined ? [] : [first, ...others]) {
      const ms = (untilMs - performance.now()) / 2;
      const answer = await askOne(origin, ms, request, target, text, onEventStream).catch(
        (error: unknown) => unlessForAnother(error, request),
      );
      if (answer !== null && !(answer.status === 503 && isQuestion(method))) return answer;
    }
    try {
      const ms = untilMs - performance.now();
      return await askOne(last ?? first, ms, request, target, text, onEventStream);
    } catch (error) {
      return orUnavailable(error);
    }
  }

  async function askOne(
    origin: string,
    ms: number,
    request: Request,
    target: string,
    body: Body,
    onEventStream: () => void,
  ): Promise<Response> {
    const { method } = request;
    const { peer, base } = sites.at(origin);
    const abort = new AbortController();
    request.signal.addEventListener("abort", () => abort.abort());
    const overdue = new Overdue(ms, () => abort.abort());
    try {
      const answer = await fetchFrom(peer, base + target, {
        method,
        headers: requestHeaders(request.headers),
        ...(body === null ? {} : { body }),
        ...AS_IT_IS,
        signal: abort.signal,
      });
      if (isEventStream(answer) && answer.body !== null && method === "GET") {
        const kind = pathOf(target) === TABLE.events.path ? "events" : "pages";
        return handOn(kind, answer, answer.body, onEventStream);
      }
      return await handBack(answer, method);
    } finally {
      overdue.cancel();
    }
  }

  function handOn(
    kind: keyof typeof STREAMS_MAX,
    answer: Response,
    body: ReadableStream<Uint8Array>,
    onEventStream: () => void,
  ): Response {
    const open = streams[kind];
    if (ended || open.size >= STREAMS_MAX[kind]) {
      body.cancel().catch(() => {});
      return unavailable(ended ? "This API is shutting down." : "Too many event streams are open.");
    }
    const stream = new EventStream(body, () => open.delete(stream));
    open.add(stream);
    onEventStream();
    return new Response(stream.readable, {
      status: answer.status,
      headers: responseHeaders(answer.headers),
    });
  }

  /** Asks a worker once at a time, however many ask here. */
  function readiness(origin: string): Promise<Readiness | null> {
    let asking = askingReadiness.get(origin);
    if (asking === undefined) {
      asking = askReadiness(sites.at(origin)).finally(() => askingReadiness.delete(origin));
      askingReadiness.set(origin, asking);
    }
    return asking;
  }

  async function askReadiness({ peer, base }: Site): Promise<Readiness | null> {
    const abort = new AbortController();
    const overdue = new Overdue(Math.min(READINESS_MS_MAX, timeoutMs), () => abort.abort());
    try {
      const path = `${base}${TABLE.readyz.path}?verbose`;
      const answer = await fetchFrom(peer, path, { ...AS_IT_IS, signal: abort.signal });
      const text = await answer.text();
      return allIn(text) ?? inOneWord(answer.ok, text);
    } catch {
      return null;
    } finally {
      overdue.cancel();
    }
  }

  function endEventStreams(): void {
    ended = true;
    for (const open of Object.values(streams)) for (const stream of open) stream.end();
  }

  return { pass, readiness, endEventStreams };
}

/** Every reason there is in the text; null when it is something else. */
function allIn(text: string): Readiness | null {
  try {
    const { reasons, warnings } = JSON.parse(text) as Partial<Readiness>;
    return Array.isArray(reasons) && Array.isArray(warnings) ? { reasons, warnings } : null;
  } catch {
    return null; // It is not JSON, or it is `null`.
  }
}

/** A worker of an earlier version has no more than a sentence. */
function inOneWord(isReady: boolean, text: string): Readiness {
  const detail = isReady ? null : detailOf(text);
  return { reasons: detail === null ? [] : [{ code: "worker", detail }], warnings: [] };
}

const AS_IT_IS = { redirect: "manual", decompress: false, timeout: false } as const;
/** Codes of connections that were not made. */
const NEVER_LEFT = new Set(["ConnectionRefused", "ECONNREFUSED", "ENOTFOUND"]);
const SHORT = "This API is short of descriptors, ports or memory.";

/** A stream of events that can be ended from this side without breaking the connection off. */
class EventStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #onEnd: () => void;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;

  constructor(events: ReadableStream<Uint8Array>, onEnd: () => void) {
    this.#reader = events.getReader();
    this.#onEnd = onEnd;
    this.readable = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#pull(),
      cancel: () => this.#finish(),
    });
  }

  end(): void {
    const controller = this.#controller;
    this.#finish();
    controller?.close();
  }

  async #pull(): Promise<void> {
    const next = await this.#reader.read().catch(() => ({ done: true as const }));
    if (next.done) {
      if (this.#controller !== null) this.end();
      return;
    }
    this.#controller?.enqueue(next.value);
  }

  #finish(): void {
    this.#controller = null;
    this.#onEnd();
    this.#reader.cancel().catch(() => {});
  }
}

/** True for what may be asked twice. */
function isQuestion(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

/** Null when another worker may be asked instead of one that failed so. */
function unlessForAnother(error: unknown, { method, signal }: Request): Response | null {
  const hasNotLeft = NEVER_LEFT.has(String((error as { readonly code?: unknown }).code));
  const mayGoOn = isFromOutside(error) && !isOurs(error) && !signal.aborted;
  return mayGoOn && (isQuestion(method) || hasNotLeft) ? null : orUnavailable(error);
}

function orUnavailable(error: unknown): Response {
  if (!isFromOutside(error)) throw error;
  return unavailable(isOurs(error) ? SHORT : "The worker does not answer.");
}

async function handBack(answer: Response, method: string): Promise<Response> {
  const headers = responseHeaders(answer.headers);
  if (method === "HEAD") {
    const length = answer.headers.get("content-length");
    if (length !== null) headers.set("content-length", length);
    return new Response(null, { status: answer.status, headers });
  }
  const bytes = await answer.arrayBuffer();
  const body = BODILESS_STATUSES.has(answer.status) ? null : bytes;
  return new Response(body, { status: answer.status, headers });
}

function requestHeaders(from: Headers): Headers {
  const headers = new Headers({ "accept-encoding": "identity" });
  for (const name of REQUEST_HEADERS) {
    const value = from.get(name);
    if (value !== null) headers.set(name, value);
  }
  return headers;
}

function responseHeaders(from: Headers): Headers {
  const headers = new Headers(from);
  for (const name of NOT_HANDED_BACK) headers.delete(name);
  return headers;
}

function isEventStream(answer: Response): boolean {
  return answer.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
}

/**
 * True for what `fetch` and the network throw, which has a code, and for our own giving up;
 * anything else is a fault of ours.
 */
function isFromOutside(error: unknown): boolean {
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown };
  return typeof code === "string" || name === "AbortError";
}
