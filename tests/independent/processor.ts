/**
 * A processor written from docs/CONTRACT.md alone, without a look at the simulated one: raw sockets, its own HTTP, its
 * own records, and whatever the contract leaves open drawn from a seed. Where both of ours share a thought, the two
 * agree on what the contract does not say, and every test is blind there; this one shares none.
 *
 * Its two promises hold: an id is recorded once, and what the contract lists as *not recorded* is said of nothing that
 * is recorded or ever will be. Beyond them it does as it likes. An answer that says nothing clear comes before the
 * record, behind it, seconds ahead of it, or without any. It gives no 400 to a payment that it could read: a gateway
 * may then give the payment up, and an audit could not tell that from a loss.
 */
import { createServer, type Server, type Socket } from "node:net";
import type { Sum, Window } from "../../testing/gateway.ts";
import type { Recorded } from "../../testing/processor-admin.ts";
import { integerFrom, pick, uuidFrom } from "../../testing/random.ts";
import {
  bytesOf,
  RequestReader,
  SHAPES,
  staysOpen,
  type Answer,
  type Request,
  type Shape,
} from "./http.ts";
import { chargeIn, instantIn, Records, textOf, type Charge } from "./records.ts";

const HOST = "127.0.0.1";
/** A call's record comes so long after its answer at most. */
const LATE_MS = { min: 200, max: 6_000 };
/** An answer that is sent byte by byte; the longest takes several seconds. */
const BYTE_MS_MAX = 25;
const SLOW_SHARE = 0.02;
const HEALTH_PATH = "/payments/service-health";
const RECORDED = "payment processed successfully";

/** The end of a call: an answer, a part of one, or none. */
type Ending =
  | { readonly answer: Answer; readonly shape: Shape; readonly byteMs: number }
  /** The connection is reset behind a part of the answer, which may be nothing of it. */
  | { readonly cut: Answer; readonly share: number }
  | "silence";

export class IndependentProcessor implements AsyncDisposable {
  readonly name: string;
  readonly keepsInstants = true;
  /** Sees every charge that comes, before anything is done with it. */
  onCharge: (() => void) | null = null;
  readonly #random: () => number;
  readonly #records = new Records();
  readonly #sockets = new Set<Socket>();
  readonly #timers = new Set<Timer>();
  #server: Server | null = null;
  #port = 0;
  #delayMs = 0;
  #failing = false;
  /** Chance that a call meets trouble. */
  #trouble = 0;

  private constructor(name: string, random: () => number) {
    this.name = name;
    this.#random = random;
  }

  static async start(name: string, random: () => number): Promise<IndependentProcessor> {
    const processor = new IndependentProcessor(name, random);
    await processor.#listen();
    return processor;
  }

  get url(): string {
    return `http://${HOST}:${this.#port}`;
  }

  async setDelay(ms: number): Promise<void> {
    this.#delayMs = ms;
  }
  async setFailure(failing: boolean): Promise<void> {
    this.#failing = failing;
  }
  /** Another processor's chances are not for this one's faults: it takes their sum as its chance of any. */
  async setFaults(chances: object): Promise<void> {
    const numbers = Object.values(chances).filter((one) => typeof one === "number");
    this.#trouble = Math.min(
      0.9,
      numbers.reduce((a, b) => a + b, 0),
    );
  }
  /** Takes with it what is under way: it died. Its records stay. */
  async setDown(down: boolean): Promise<void> {
    if (!down) return this.#listen();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    const server = this.#server;
    this.#server = null;
    const closed = new Promise((resolve) => (server ? server.close(resolve) : resolve(null)));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
  async heal(): Promise<void> {
    await this.setDown(false);
    this.#trouble = 0;
    this.#failing = false;
    this.#delayMs = 0;
  }

  async purge(): Promise<void> {
    this.#records.clear();
  }
  async payments(): Promise<Recorded[]> {
    return this.#records.all();
  }
  async summary(window: Window | null): Promise<Sum> {
    return this.#records.sum(window);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.setDown(true);
    this.#records[Symbol.dispose]();
  }

  async #listen(): Promise<void> {
    if (this.#server !== null) return;
    const server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
    this.#server = server;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    server.listen(this.#port, HOST, resolve);
    await promise;
    this.#port = (server.address() as { port: number }).port;
  }

  #serve(socket: Socket): void {
    const reader = new RequestReader();
    let before = Promise.resolve();
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    // A caller that hangs up stops nothing.
    socket.on("error", () => {});
    const take = (request: Request) => {
      before = before.then(async () => this.#end(socket, await this.#answer(request)));
    };
    socket.on("data", (bytes: Buffer) => {
      try {
        reader.read(bytes).forEach(take);
      } catch {
        socket.end(bytesOf({ status: 400, body: "" }, "closing", this.#random));
      }
    });
  }

  async #answer(request: Request): Promise<Ending> {
    const { method, target } = request;
    const [path = ""] = target.split("?");
    if (method === "POST" && path === "/payments") return this.#charge(request.body);
    if (method !== "GET") return this.#say({ status: 405, body: "" });
    if (path === HEALTH_PATH) return this.#health();
    if (path === "/admin/payments-summary") return this.#summary(target);
    const [, id] = /^\/payments\/([0-9a-f-]{36})$/.exec(path) ?? [];
    return id === undefined ? this.#say({ status: 404, body: "{}" }) : this.#look(id);
  }

  async #charge(body: string): Promise<Ending> {
    this.onCharge?.();
    const charge = chargeIn(body);
    if (charge === null) return this.#say({ status: 400, body: '{"message": "no payment"}' });
    if (this.#delayMs > 0) await this.#after(this.#delayMs);
    const isTroubled = this.#random() < this.#trouble;
    if (isTroubled && this.#random() < 0.2) return this.#refuse();
    if (this.#failing) return this.#say({ status: 500, body: "" });
    if (isTroubled) return this.#blur(charge);
    if (!this.#records.add(charge)) {
      return this.#say({ status: 422, body: '{"message": "known already"}' });
    }
    return this.#say({ status: 200, body: this.#receipt(charge) });
  }

  /** A clear no: this attempt records nothing. */
  #refuse(): Ending {
    const retryAfter = String(integerFrom(this.#random, 1, 2));
    const headers = this.#random() < 0.5 ? {} : { "Retry-After": retryAfter };
    return this.#say({ status: 429, body: '{"message": "too many"}', headers });
  }

  /** Nothing clear: it is recorded before, later, or never, and what is said tells which to nobody. */
  #blur(charge: Charge): Ending {
    const random = this.#random;
    const when = pick(random, ["now", "now", "later", "later", "never"] as const);
    if (when === "now") this.#records.add(charge);
    if (when === "later") {
      const ms = integerFrom(random, LATE_MS.min, LATE_MS.max);
      void this.#after(ms).then(() => this.#records.add(charge));
    }
    const receipt = { status: 200, body: this.#receipt(charge) };
    const html = { "content-type": "text/html" };
    const say = (status: number, body: string, headers = {}) =>
      this.#say({ status, body, headers });
    const other = { ...charge, correlationId: uuidFrom(random) };
    const endings: (() => Ending)[] = [
      () => ({ cut: receipt, share: 0 }),
      () => ({ cut: receipt, share: random() }),
      () => "silence",
      () => say(500, '{"message": "the database has gone"}'),
      // An empty body without an announced end is no clear no.
      () => this.#say({ status: 500, body: "" }, "unannounced"),
      () => this.#say(receipt, "unannounced"),
      () => say(pick(random, [502, 503, 504]), "<h1>Sorry</h1>", html),
      () => say(307, "", { location: "/payments" }),
      () => say(pick(random, [201, 202, 203]), receipt.body),
      () => say(pick(random, [401, 403, 404, 409]), '{"message": "no"}'),
      () => say(200, pick(random, ["", "{}", "null", '"ok"', "[]", '{"message": 7}', "{", "OK"])),
      () => say(200, `{"message": "${RECORDED}", ${textOf(other, random).slice(1)}`),
    ];
    return pick(random, endings)();
  }

  #look(id: string): Ending {
    const random = this.#random;
    if (random() < this.#trouble) {
      return pick(random, [
        () => this.#say({ status: 404, body: "" }),
        () => this.#say({ status: 500, body: '{"message": "the replica is away"}' }),
        () => this.#say({ status: 200, body: pick(random, ["{}", "null", "", "["]) }),
        () => ({ cut: { status: 404, body: "" }, share: random() }),
        () => "silence" as const,
      ])();
    }
    const charge = this.#records.find(id);
    if (charge === null) return this.#say({ status: 404, body: '{"message": "unknown"}' });
    return this.#say({ status: 200, body: textOf(charge, random) });
  }

  /** It is asked seldom, and says what it likes. */
  #health(): Ending {
    const random = this.#random;
    const minResponseTime = integerFrom(random, 0, 2 * this.#delayMs);
    return pick(random, [
      () => this.#say({ status: 404, body: "" }),
      () => this.#say({ status: 429, body: "", headers: { "retry-after": "5" } }),
      () =>
        this.#say({
          status: 200,
          body: JSON.stringify({ failing: this.#failing, minResponseTime }),
        }),
    ])();
  }

  #summary(target: string): Ending {
    const query = new URLSearchParams(target.split("?")[1]);
    const atMs = (name: string) => instantIn(query.get(name) ?? "");
    const [fromMs, toMs] = [atMs("from"), atMs("to")];
    if (fromMs === null || toMs === null) return this.#say({ status: 400, body: "{}" });
    const { count, cents } = this.#records.sum({ fromMs, toMs });
    const body = JSON.stringify({ totalRequests: count, totalAmount: cents / 100 });
    return this.#say({ status: 200, body });
  }

  #receipt(charge: Charge): string {
    const more = this.#random() < 0.5 ? "}" : `, ${textOf(charge, this.#random).slice(1)}`;
    return `{"message": "${RECORDED}"${more}`;
  }

  #say(answer: Answer, shape: Shape = pick(this.#random, SHAPES)): Ending {
    const isSlow = this.#random() < SLOW_SHARE;
    return { answer, shape, byteMs: isSlow ? integerFrom(this.#random, 1, BYTE_MS_MAX) : 0 };
  }

  async #end(socket: Socket, ending: Ending): Promise<void> {
    if (ending === "silence") return this.#hang(socket);
    if ("cut" in ending) {
      const bytes = bytesOf(ending.cut, "plain", this.#random);
      const kept = bytes.subarray(0, Math.floor(ending.share * bytes.length));
      if (kept.length === 0) return void socket.resetAndDestroy();
      socket.write(kept, () => socket.resetAndDestroy());
      return;
    }
    const { answer, shape, byteMs } = ending;
    const bytes = bytesOf(answer, shape, this.#random);
    if (byteMs === 0) socket.write(bytes);
    else await this.#trickle(socket, bytes, byteMs);
    if (!staysOpen(shape)) socket.end();
  }

  async #trickle(socket: Socket, bytes: Buffer, byteMs: number): Promise<void> {
    for (const byte of bytes) {
      if (socket.destroyed) return;
      socket.write(Uint8Array.of(byte));
      await this.#after(byteMs);
    }
  }

  /** Says nothing until its caller has had enough. */
  #hang(socket: Socket): Promise<void> {
    return new Promise((resolve) => {
      if (socket.destroyed) resolve();
      socket.once("close", () => resolve());
    });
  }

  /** Does not resolve when it dies meanwhile. */
  #after(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        resolve();
      }, ms);
      this.#timers.add(timer);
    });
  }
}
