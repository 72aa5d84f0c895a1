/** A link and a worker that answer as they are told, for tests of the ingress between them. */
import { socketPathOf } from "../shared/healthcheck.ts";
import { createLog, type Log } from "../shared/log.ts";
import type { Payment } from "../shared/payment.ts";
import type { Verdict } from "../shared/verdict.ts";
import type { KnownWorker, Workers } from "./workers.ts";
import { startApi, type Api, type ApiParts } from "./server.ts";

export const ID = "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3";
export const PAYMENT = `{"correlationId":"${ID}","amount":19.90}`;

/** Leave times of tests that have no clients to say goodbye to. */
export const AT_ONCE = { quietMs: 0, answerMsMax: 0, breakOffMs: 4_000 };

export class FakeLink implements Workers {
  readonly paid: Payment[] = [];
  readonly instance = 7;
  answering = true;
  traffic = { framesSent: 5, framesReceived: 4, retransmissions: 2, drops: { mac: 3, stale: 1 } };
  readonly http: string[];
  readonly silent = new Set<string>();
  verdict: () => Verdict | null | Promise<Verdict | null> = () => ({ kind: "stored" });

  constructor(...http: string[]) {
    this.http = http;
  }

  /** All have this link but those that are silent; their ports count up. */
  known(): readonly KnownWorker[] {
    const answers = (http: string) => this.answering && !this.silent.has(http);
    return this.http.map((http, n) => {
      const link = {
        instance: this.instance,
        get answering() {
          return answers(http);
        },
      };
      return { address: `127.0.0.1:${LINK_PORT + n}`, http, link };
    });
  }

  origins(): readonly string[] {
    return this.http;
  }

  async pay(payment: Payment): Promise<Verdict | null> {
    this.paid.push(payment);
    return this.verdict();
  }

  close(): void {}
}

export type Seen = {
  readonly method: string;
  readonly target: string;
  readonly headers: Headers;
  readonly body: string;
};

/** Stands in for the worker's HTTP port; keeps what it was asked. */
export function startFakeWorker(
  answer: (request: Request) => Response | Promise<Response> = () => new Response("from worker"),
) {
  const seen: Seen[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const target = request.url.slice(request.url.indexOf("/", 8));
      const body = await request.clone().text();
      seen.push({ method: request.method, target, headers: request.headers, body });
      return answer(request);
    },
  });
  return {
    seen,
    url: `http://127.0.0.1:${server.port}`,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

/** An address at which nobody listens. */
export function vacantUrl(): string {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const url = `http://127.0.0.1:${server.port}`;
  void server.stop(true);
  return url;
}

export type RunningApi = Api & {
  readonly link: FakeLink;
  /** Method, path and body in; the answer out, redirects not followed. */
  call(method: string, target: string, init?: RequestInit): Promise<Response>;
  pay(body: string | Uint8Array<ArrayBuffer>): Promise<Response>;
};

export type ApiOptions = Pick<ApiParts, "workerTimeoutMs" | "leaveTimes" | "lookMs"> & {
  readonly log?: Log;
  readonly HOST?: string;
  readonly READ_TOKEN?: ApiParts["settings"]["READ_TOKEN"];
};

/** Names the first worker in incidents; the link is a fake. */
const LINK_PORT = 9998;

export function runApi(
  workerUrl: string | readonly string[] = vacantUrl(),
  { HOST = "127.0.0.1", READ_TOKEN = ["read"], ...options }: ApiOptions = {},
): RunningApi & AsyncDisposable {
  const link = new FakeLink(...[workerUrl].flat());
  const api = startApi({
    settings: {
      PORT: 0,
      HOST,
      AMOUNT_MAX: 1_000_000,
      READ_TOKEN,
    },
    workers: link,
    log: createLog("api", "silent"),
    leaveTimes: AT_ONCE,
    ...options,
  });
  const unix = socketPathOf(HOST);
  const [origin, there] = unix === null ? [api.url, {}] : ["http://shop", { unix }];
  const call = (method: string, target: string, init: RequestInit = {}) =>
    fetch(origin + target, { ...init, ...there, method, redirect: "manual" });
  return {
    ...api,
    link,
    call,
    pay: (body) => call("POST", "/payments", { body }),
    [Symbol.asyncDispose]: api.stop,
  };
}

/** Reads everything that a connection brings until the other side closes it. */
export async function sendRaw(
  to: number | { readonly unix: string },
  ...writes: readonly string[]
): Promise<string> {
  const closed = Promise.withResolvers<void>();
  let received = "";
  const handlers: Bun.SocketHandler<undefined> = {
    data: (_, bytes) => {
      received += bytes.toString("latin1");
    },
    close: () => closed.resolve(),
    error: () => closed.resolve(),
  };
  const socket =
    typeof to === "number"
      ? await Bun.connect({ hostname: "127.0.0.1", port: to, socket: handlers })
      : await Bun.connect({ ...to, socket: handlers });
  for (const text of writes) {
    socket.write(text);
    socket.flush();
  }
  await closed.promise;
  return received;
}

/** Opens a connection that is kept: each answer is read before the next request is sent. */
export async function connect(port: number) {
  const closed = Promise.withResolvers<void>();
  let answered: (text: string) => void = () => {};
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_, bytes) => answered(bytes.toString("latin1")),
      close: () => closed.resolve(),
    },
  });
  return {
    closed: closed.promise,
    ask(request: string): Promise<string> {
      const { promise, resolve } = Promise.withResolvers<string>();
      answered = resolve;
      socket.write(request);
      return promise;
    },
    [Symbol.dispose]: () => void socket.end(),
  };
}
