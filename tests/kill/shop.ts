/**
 * The shop of the kill loop under `--webhooks`: it is told by webhooks what became of its payments, dies and
 * refuses at moments of its own, and has a memory that outlives it. Once all is healed it must have been told
 * of every payment that ended, in words that agree with the gateway's own; a second reader takes the same from
 * `GET /events`. Nothing else may have been told: not another end, not twice in two ways, not by a stranger.
 */
import type { GatewayClient, Status } from "../../testing/gateway.ts";
import { integerFrom } from "../../testing/random.ts";
import { until } from "../../testing/until.ts";
import { WebhookReceiver, type Received } from "../../testing/webhook-receiver.ts";
import type { Violation } from "../system/audit.ts";
import type { Statuses } from "../system/storm/collect.ts";

const ALIVE_MS = { min: 200, max: 2_500 };
const DEAD_MS_MAX = 1_500;
/** A shop that lives answers one webhook in so many with an error. */
const REFUSED_ONE_IN = 20;
const ENDS: ReadonlySet<string> = new Set(["settled", "rejected", "conflict"]);
const PAGE = 1_000;

export class Shop implements AsyncDisposable {
  /** Times that it was killed. */
  kills = 0;
  /** Payments of whose end it was told, in all audits. */
  told = 0;
  /** Webhooks that it had taken before. */
  repeated = 0;
  readonly #receiver = new WebhookReceiver();

  /** Settings of a worker that tells it. */
  get env() {
    return this.#receiver.env;
  }

  /** Another journal begins, which knows nothing of what was told. */
  beginAfresh(): void {
    this.#receiver.taken.length = 0;
    this.#receiver.forged.length = 0;
  }

  /** Dies, comes back and refuses until it is over; then it takes everything. */
  async runWeather(random: () => number, over: AbortSignal): Promise<void> {
    const receiver = this.#receiver;
    receiver.mood = () =>
      integerFrom(random, 1, REFUSED_ONE_IN) === 1 ? new Response(null, { status: 500 }) : null;
    while (!over.aborted) {
      await Bun.sleep(integerFrom(random, ALIVE_MS.min, ALIVE_MS.max));
      await receiver.kill();
      this.kills++;
      await Bun.sleep(integerFrom(random, 0, DEAD_MS_MAX));
      receiver.begin();
    }
    receiver.mood = () => null;
  }

  /** Waits until it was told of all that ended, or the time is up, and says what does not agree. */
  async audit(
    statuses: Statuses,
    workerHttp: Pick<GatewayClient, "ask">,
    msMax: number,
  ): Promise<Violation[]> {
    const { taken, forged } = this.#receiver;
    const ended = endedIn(statuses);
    const isTold = () => {
      const known = new Set(taken.map(({ data }) => data["correlationId"]));
      return ended.every(([id]) => known.has(id));
    };
    await until("the shop was told of everything", isTold, msMax).catch(() => {});
    this.told += ended.length;
    this.repeated += taken.length - new Set(taken.map(({ id }) => id)).size;
    const feed = await feedOf(workerHttp);
    return [
      ...forged.map((id) => wrong(id, "it has no valid signature")),
      ...auditTold("webhooks", taken, statuses),
      ...auditTold("GET /events", feed, statuses),
      ...repeatedIn(feed),
    ];
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#receiver[Symbol.asyncDispose]();
  }
}

/** Compares what was told with what the gateway says of each payment. */
export function auditTold(
  by: string,
  told: readonly Received[],
  statuses: ReadonlyMap<string, Status | "missing">,
): Violation[] {
  const byPayment = Map.groupBy(told, ({ data }) => String(data["correlationId"]));
  const violations: Violation[] = [];
  for (const [id] of endedIn(statuses)) {
    if (byPayment.has(id)) continue;
    violations.push({ kind: "not-told", id, text: `${by} never told that it ended` });
  }
  for (const [id, events] of byPayment) {
    const [first] = events as [Received, ...Received[]];
    const texts = new Set(events.map((event) => JSON.stringify(event)));
    if (texts.size > 1) violations.push(wrong(id, `${by} told it in ${texts.size} ways`));
    const why = whyWrong(first, statuses.get(id));
    if (why !== null) violations.push(wrong(id, `${by} told ${first.type}, and ${why}`));
  }
  return violations;
}

function whyWrong({ id, type, timestamp, data }: Received, of?: Status | "missing"): string | null {
  if (of === undefined || of === "missing") return "the gateway does not know it";
  if (type !== `payment.${of.status}`) return `it is ${of.status}`;
  if (id !== `${of.status}_${String(data["correlationId"])}`) return `its id is ${id}`;
  const atMs = (name: string) => (data[name] === undefined ? null : Date.parse(`${data[name]}`));
  const differs =
    Math.round(Number(data["amount"]) * 100) !== of.amountCents ||
    data["processor"] !== of.processor ||
    atMs("requestedAt") !== of.requestedAtMs ||
    atMs("settledAt") !== of.settledAtMs ||
    (data["fee"] ?? null) !== of.fee ||
    (of.settledAtMs !== null && Date.parse(timestamp) !== of.settledAtMs);
  return differs
    ? `says ${JSON.stringify(data)}, where the gateway has ${JSON.stringify(of)}`
    : null;
}

function endedIn(statuses: ReadonlyMap<string, Status | "missing">): [string, Status][] {
  return [...statuses].filter(
    (one): one is [string, Status] => one[1] !== "missing" && ENDS.has(one[1].status),
  );
}

/** A reader that goes on where it was, in a journal that nobody has pruned, sees each event once. */
function repeatedIn(feed: readonly Received[]): Violation[] {
  const byId = Map.groupBy(feed, ({ id }) => id);
  return [...byId.values()].flatMap(([first, ...more]) =>
    more.length === 0 ? [] : [wrong(first!.id, `GET /events told it ${more.length + 1} times`)],
  );
}

async function feedOf(workerHttp: Pick<GatewayClient, "ask">): Promise<Received[]> {
  const all: Received[] = [];
  for (let after = ""; ;) {
    const answer = await workerHttp.ask(`/events?limit=${PAGE}${after}`);
    if (!answer.ok) throw new Error(`GET /events was answered ${await answer.text()}`);
    const { events, next } = (await answer.json()) as { events: Received[]; next: string };
    if (events.length === 0) return all;
    all.push(...events);
    after = `&after=${next}`;
  }
}

function wrong(id: string, text: string): Violation {
  return { kind: "told-wrong", id, text };
}
