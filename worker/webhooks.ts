/**
 * Webhooks as the pipeline's thread sees them: a thread of their own that reads the journal, sends and
 * waits, and asks for a commit a few times a second. Nothing of it is loaded without WEBHOOK_URL. A
 * thread that breaks is begun anew, and what it had not kept is sent again: shops are told at least once,
 * and payments never wait for them.
 */
import { iso, type Clock } from "../shared/clock.ts";
import type { WebhooksView } from "../shared/http-api/webhooks.ts";
import type { Incidents } from "../shared/incidents.ts";
import type { Secrets } from "../shared/settings.ts";
import type { ResendOrder } from "./intervention.ts";
import type { Peer } from "./cluster/lead.ts";
import type { Journal } from "./journal.ts";
import type { WorkerSettings } from "./settings.ts";
import type { KnownTariff } from "./tariffs.ts";
import type { Intervention, WebhookChanges } from "./transitions.ts";
import type { Figures } from "./webhooks/deliveries.ts";

export type WebhooksStart = {
  readonly kind: "start";
  readonly journal: string;
  readonly url: string;
  readonly secrets: Secrets;
  readonly allowPrivate: boolean;
  readonly target: string;
  readonly names: readonly string[];
  readonly tariffs: readonly KnownTariff[];
  /** 1 from when the thread is told that the journal has grown to its next beat. */
  readonly grown: Int32Array;
};

export type ToWebhooksThread =
  | WebhooksStart
  | { readonly kind: "kept"; readonly id: number }
  | { readonly kind: "resend"; readonly id: number; readonly fromMs: number }
  | { readonly kind: "tariffs"; readonly tariffs: readonly KnownTariff[] }
  /** The journal has more than the last time. */
  | { readonly kind: "grown" }
  | { readonly kind: "stop" };

export type FromWebhooksThread =
  | {
      readonly kind: "keep";
      readonly id: number;
      readonly changes: WebhookChanges;
      /** The order to send again that it carries out. */
      readonly resend?: number;
    }
  /** It is durable where webhooks begin. */
  | { readonly kind: "opened" }
  | { readonly kind: "figures"; readonly figures: Figures }
  | { readonly kind: "trouble"; readonly reason: string | null }
  | { readonly kind: "resent"; readonly id: number; readonly reason: string | null }
  | { readonly kind: "corrupt"; readonly message: string }
  | { readonly kind: "stopped" };

export type WebhooksParts = {
  readonly settings: Pick<
    WorkerSettings,
    "JOURNAL" | "WEBHOOK_URL" | "WEBHOOK_SECRET" | "WEBHOOK_ALLOW_PRIVATE"
  >;
  readonly names: readonly string[];
  readonly tariffs: readonly KnownTariff[];
  readonly journal: Pick<Journal, "append" | "shared"> & { onCorruption(message: string): void };
  readonly incidents: Pick<Incidents, "tell">;
  readonly clock: Clock;
  /** False while another worker of several sends them. */
  readonly leads: boolean;
};

/** Time until a thread that broke is begun anew. */
const AGAIN_MS = 5_000;
const STOP_MS_MAX = 1_000;
/** A start waits no longer for the thread; it goes on trying. */
const OPEN_MS_MAX = 3_000;

/** The worker that sends them is the one that `leader` gives, once that is known. */
function elsewhere(leader: Peer | null): string {
  return leader === null
    ? "another worker sends webhooks: ask again in a moment"
    : `worker ${leader.name} sends webhooks: ask there, at ${leader.http}`;
}
const NOTHING: Figures = {
  delivered: 0,
  failedTries: 0,
  givenUp: 0,
  retrying: 0,
  sending: 0,
  oldestAtMs: null,
  isDown: false,
  lastReason: null,
  endedAtMs: null,
};

export class Webhooks {
  /** Figures that the thread told last: at most a second old. */
  figures: Figures = NOTHING;
  readonly #parts: WebhooksParts;
  #order: WebhooksStart;
  /** Null while another worker sends them. */
  #thread: Worker | null = null;
  #again: Timer | null = null;
  #nextId = 1;
  readonly #resending = new Map<
    number,
    { readonly intervention: Intervention; readonly done: (reason: string | null) => void }
  >();
  /** Resolves when it is durable where webhooks begin, or when that takes too long. */
  readonly opened: Promise<void>;
  readonly #opened = Promise.withResolvers<void>();
  readonly #stopped = Promise.withResolvers<void>();
  #isStopping = false;

  constructor(parts: WebhooksParts, url: string, secrets: Secrets) {
    const { settings, names, tariffs } = parts;
    const { JOURNAL: journal, WEBHOOK_ALLOW_PRIVATE: allowPrivate } = settings;
    this.#parts = parts;
    this.opened = Promise.race([this.#opened.promise, Bun.sleep(OPEN_MS_MAX)]);
    const target = targetOf(url);
    const grown = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const how = { url, secrets, allowPrivate, target, grown };
    this.#order = { kind: "start", journal, names, tariffs, ...how };
    if (parts.leads) this.#thread = this.#begin();
    else this.#opened.resolve();
  }

  /** Sends from now on, or leaves that to another worker; what that one finds unsent it sends. */
  lead(leads: boolean): void {
    if (this.#isStopping || leads === (this.#thread !== null)) return;
    if (leads) return void (this.#thread = this.#begin());
    if (this.#again !== null) clearTimeout(this.#again);
    this.#again = null;
    this.#thread?.terminate();
    this.#thread = null;
    for (const { done } of this.#resending.values()) done(elsewhere(this.#leader));
    this.#resending.clear();
    this.figures = NOTHING;
    this.#tell(NOTHING);
    this.#tellTrouble(null);
  }

  /** Sends again all that has ended since an instant. Resolves with null when that is durable, or with why not. */
  resend({ fromMs, grounds }: ResendOrder): Promise<string | null> {
    if (this.#thread === null) return Promise.resolve(elsewhere(this.#leader));
    const id = this.#nextId++;
    const atMs = this.#parts.clock.wallMs();
    const why = `from ${iso(fromMs)} on: ${grounds.why}`;
    const intervention = { ...grounds, atMs, action: "resend webhooks", why };
    return new Promise((done) => {
      this.#resending.set(id, { intervention, done });
      this.#post({ kind: "resend", id, fromMs });
    });
  }

  /** Another worker has begun tariffs: these are all. */
  setTariffs(tariffs: readonly KnownTariff[]): void {
    this.#order = { ...this.#order, tariffs };
    this.#post({ kind: "tariffs", tariffs });
  }

  /** Called after each commit: the thread sleeps while there is nothing to send. */
  grown(): void {
    if (this.#thread === null || Atomics.exchange(this.#order.grown, 0, 1) === 1) return;
    this.#post({ kind: "grown" });
  }

  /** The figures as they are shown. */
  view(): WebhooksView {
    const { oldestAtMs, endedAtMs, isDown, sending: _, ...counts } = this.figures;
    const ageMs = oldestAtMs === null ? null : this.#parts.clock.wallMs() - oldestAtMs;
    return {
      ...counts,
      oldestSeconds: ageMs === null ? null : Math.max(0, Math.floor(ageMs / 1_000)),
      down: isDown,
      endedAt: endedAtMs === null ? null : iso(endedAtMs),
    };
  }

  /** Ends the thread; the journal is still open, and commits what it has to keep. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#again !== null) clearTimeout(this.#again);
    else if (this.#thread !== null) {
      this.#post({ kind: "stop" });
      await Promise.race([this.#stopped.promise, Bun.sleep(STOP_MS_MAX)]);
    }
  }

  get #leader(): Peer | null {
    return this.#parts.journal.shared?.leader ?? null;
  }

  #begin(): Worker {
    Atomics.store(this.#order.grown, 0, 0);
    const thread = new Worker(new URL("./webhooks-thread.ts", import.meta.url).href);
    // A thread that was left behind has nothing to say any more.
    thread.onmessage = ({ data }: MessageEvent<FromWebhooksThread>) => {
      if (thread === this.#thread) this.#take(data);
    };
    thread.onerror = ({ message }) => {
      if (thread === this.#thread) this.#broke(message);
    };
    thread.postMessage(this.#order);
    return thread;
  }

  #broke(reason: string): void {
    this.#stopped.resolve();
    for (const { done } of this.#resending.values()) done(reason);
    this.#resending.clear();
    if (this.#isStopping || this.#again !== null) return;
    this.#tellTrouble(reason);
    this.#again = setTimeout(() => {
      this.#again = null;
      this.#thread = this.#begin();
    }, AGAIN_MS);
  }

  #take(message: FromWebhooksThread): void {
    switch (message.kind) {
      case "keep":
        return this.#keep(message);
      case "opened":
        return this.#opened.resolve();
      case "figures":
        this.figures = message.figures;
        return this.#tell(message.figures);
      case "trouble":
        return this.#tellTrouble(message.reason);
      case "resent":
        this.#resending.get(message.id)?.done(message.reason);
        return void this.#resending.delete(message.id);
      case "corrupt":
        return this.#parts.journal.onCorruption(message.message);
      case "stopped":
        return this.#stopped.resolve();
    }
  }

  #keep({ id, changes, resend }: Extract<FromWebhooksThread, { kind: "keep" }>): void {
    const intervention =
      resend === undefined ? undefined : this.#resending.get(resend)?.intervention;
    const transition = { kind: "webhooks", changes, intervention } as const;
    const thread = this.#thread;
    this.#parts.journal.append(transition, () => thread?.postMessage({ kind: "kept", id }));
  }

  #tell({ isDown, lastReason, endedAtMs, givenUp }: Figures): void {
    const { incidents } = this.#parts;
    const failedTries = () => ({ failedTries: this.figures.failedTries });
    const down = { details: { reason: lastReason }, counts: failedTries };
    incidents.tell("webhooks-fail", null, isDown && endedAtMs === null ? down : null);
    incidents.tell("webhooks-ended", null, endedAtMs === null ? null : {});
    incidents.tell("webhooks-given-up", null, givenUp === 0 ? null : { details: { givenUp } });
  }

  #tellTrouble(reason: string | null): void {
    const now = reason === null ? null : { details: { reason } };
    this.#parts.incidents.tell("webhooks-broken", null, now);
  }

  #post(message: ToWebhooksThread): void {
    this.#thread?.postMessage(message);
  }
}

/** Starts the thread; null when no address is configured. Returns before anything is sent. */
export function startWebhooks(parts: WebhooksParts): Webhooks | null {
  const { WEBHOOK_URL: url, WEBHOOK_SECRET: secrets } = parts.settings;
  return url === null || secrets === null ? null : new Webhooks(parts, url, secrets);
}

/** Fingerprint of the address: the address itself may have a secret in it, and the journal is copied. */
function targetOf(url: string): string {
  return new Bun.CryptoHasher("sha256").update(url).digest("hex").slice(0, 16);
}
