/**
 * The workers that this API hands payments to: one, or several that share a database. To several there is
 * a link each, and a map that says which worker has which shard of payments (workers/owners.ts), by which
 * each payment finds its way (workers/routing.ts).
 *
 * All workers are asked for their map again and again (workers/questions.ts), since each knows what it has
 * learnt itself, and one that was cut off from the database would tell an old one for ever; the newest counts.
 * They are asked more often while the owner of a shard is silent, and at once when a worker says *elsewhere*.
 * An API with one address asks nobody before it hears that.
 */
import type { Clock } from "../shared/clock.ts";
import { openUdpClient } from "../shared/link.ts";
import type { Log } from "../shared/log.ts";
import { addressesOf } from "../shared/net/names.ts";
import type { Payment } from "../shared/payment.ts";
import { endpointText, parseEndpoint, type HostAndPort } from "../shared/settings.ts";
import type { Link, LinkTraffic, Verdict, WorkerLink } from "../shared/verdict.ts";
import type { ApiSettings } from "./settings.ts";
import { Links } from "./workers/links.ts";
import type { Owners } from "./workers/owners.ts";
import { Questions } from "./workers/questions.ts";
import { Routing, type Answered, type Done, type Elsewhere } from "./workers/routing.ts";

const TICK_MS = 10;

/** A worker that payments go to. */
export type KnownWorker = {
  /** Host and port of its link. */
  readonly address: string;
  readonly http: string;
  readonly link: Pick<Link, "answering" | "instance">;
};

export type Workers = Link & {
  /** Workers that payments go to; none while there are several and no map. */
  known(): readonly KnownWorker[];
  /** Origins to ask, those first whose workers answer over the link. */
  origins(): readonly string[];
};

type Settings = Pick<ApiSettings, "WORKER_LINK" | "WORKER_HTTP" | "LINK_SECRET" | "ACK_TIMEOUT_MS">;

/** Rejects with one sentence when settings do not fit together, or an address is public without a secret. */
export async function openWorkers(settings: Settings, clock: Clock, log: Log): Promise<Workers> {
  const { WORKER_LINK, WORKER_HTTP } = settings;
  if (WORKER_HTTP.length !== WORKER_LINK.length) {
    throw new Error(
      `WORKER_HTTP: it is of ${WORKER_HTTP.length}, and WORKER_LINK of ${WORKER_LINK.length}; each worker has both`,
    );
  }
  const open = (at: HostAndPort, instance?: number) =>
    openUdpClient({ ...settings, WORKER_LINK: at }, clock, log, addressesOf, instance);
  const [at, ...others] = WORKER_LINK;
  const first = await open(at);
  const configured = new Map([[endpointText(at), first]]);
  for (const other of others)
    configured.set(endpointText(other), await open(other, first.instance));
  const links = new Links({
    configured,
    open: (address) => open(parseEndpoint(address) as HostAndPort, first.instance),
    log,
  });
  return new AllWorkers(settings, clock, links, first.instance);
}

class AllWorkers implements Workers {
  readonly instance: number;
  readonly #clock: Clock;
  readonly #links: Links;
  readonly #routing: Routing;
  readonly #addresses: readonly string[];
  /** Link to the worker, when one address is configured. */
  readonly #only: WorkerLink | null;
  readonly #http: readonly string[];
  readonly #questions: Questions;
  #tickTimer: Timer | undefined;

  constructor(
    { WORKER_LINK, WORKER_HTTP, ACK_TIMEOUT_MS }: Settings,
    clock: Clock,
    links: Links,
    instance: number,
  ) {
    this.#addresses = WORKER_LINK.map(endpointText);
    this.#http = WORKER_HTTP;
    this.#clock = clock;
    this.#links = links;
    this.instance = instance;
    this.#questions = new Questions({
      clock,
      origins: () => this.#origins(),
      isEnough: () => this.answering,
      onMap: (owners) => this.#learn(owners),
    });
    this.#routing = new Routing({
      ackTimeoutMs: ACK_TIMEOUT_MS,
      send: (address, payment, done) => this.#send(address, payment, done),
      ask: () => this.#questions.hurry(),
    });
    this.#only = this.#addresses.length === 1 ? links.at(this.#addresses[0] as string) : null;
    if (this.#only === null) this.#questions.start();
  }

  /** True while every worker that payments go to answers. */
  get answering(): boolean {
    const known = this.known();
    return known.length > 0 && known.every(({ link }) => link.answering);
  }

  get traffic(): LinkTraffic {
    return this.#links.traffic;
  }

  pay(payment: Payment): Promise<Verdict | null> {
    return new Promise((done) => {
      const cameAtMs = this.#clock.steadyMs();
      const { owners } = this.#routing;
      if (owners !== null || this.#only === null) return this.#route(cameAtMs, payment, done, null);
      // It goes past routing, as long as the only worker there is does not say *elsewhere*.
      this.#only.hand(payment, (verdict) => {
        if (verdict?.kind === "elsewhere") this.#route(cameAtMs, payment, done, verdict);
        else done(verdict);
      });
    });
  }

  #route(cameAtMs: number, payment: Payment, done: Done, refusal: Elsewhere | null): void {
    this.#routing.pay(cameAtMs, payment, done, refusal);
    this.#tickSoon();
  }

  known(): readonly KnownWorker[] {
    const { owners } = this.#routing;
    if (owners === null) {
      const [address = ""] = this.#addresses;
      return this.#only === null ? [] : [this.#knownAs(address, this.#http[0] as string)];
    }
    return owners.map.workers
      .filter(({ shards }) => shards.length > 0)
      .map(({ link, http }) => this.#knownAs(link, http));
  }

  origins(): readonly string[] {
    const answering = this.known().filter(({ link }) => link.answering);
    const all = [...answering.map(({ http }) => http), ...this.#origins()];
    return [...new Set(all)];
  }

  close(): void {
    this.#questions.stop();
    clearTimeout(this.#tickTimer);
    this.#links.close();
    this.#routing.tick(Number.POSITIVE_INFINITY);
  }

  #knownAs(address: string, http: string): KnownWorker {
    const links = this.#links;
    const link = {
      instance: this.instance,
      get answering() {
        return links.at(address)?.answering ?? false;
      },
    };
    return { address, http, link };
  }

  #origins(): string[] {
    const told = this.#routing.owners?.map.workers ?? [];
    return [...this.#http, ...told.map(({ http }) => http)];
  }

  #send(address: string, payment: Payment, done: Answered): boolean {
    const link = this.#links.at(address);
    if (link === null) return false;
    link.hand(payment, (verdict) => {
      done(this.#clock.steadyMs(), verdict);
      this.#tickSoon();
    });
    return true;
  }

  #tickSoon(): void {
    if (this.#routing.idle || this.#tickTimer !== undefined) return;
    this.#tickTimer = setTimeout(() => {
      this.#tickTimer = undefined;
      this.#routing.tick(this.#clock.steadyMs());
      this.#tickSoon();
    }, TICK_MS);
  }

  #learn(owners: Owners): void {
    const nowMs = this.#clock.steadyMs();
    const isNew = this.#routing.learn(nowMs, owners);
    const { map } = this.#routing.owners as Owners;
    this.#links.need(
      nowMs,
      map.workers.map(({ link }) => link),
    );
    // Payments that waited for the link of a worker that is new go as soon as it is open.
    if (isNew) this.#tickSoon();
  }
}
