/** Entry of the webhooks' thread, which gives way to all others, builds its parts when told to, and passes messages on. */
import { systemClock } from "../shared/clock.ts";
import { isCorruption } from "./corruption.ts";
import { isPostgres } from "./journal-url.ts";
import { JournalUnreachable } from "./journal-reader.ts";
import { stepBack } from "./journal/libc.ts";
import { KnownSoFar } from "./tariffs.ts";
import type { FromWebhooksThread, ToWebhooksThread, WebhooksStart } from "./webhooks.ts";
import type { Figures } from "./webhooks/deliveries.ts";
import { openSource } from "./webhooks/open-source.ts";
import { BEAT_MS, Outbox, QUIET_BEAT_MS } from "./webhooks/outbox.ts";
import { senderTo } from "./webhooks/sender.ts";
import type { WebhookSource } from "./webhooks/source.ts";

declare const self: Worker;

/** Figures are told so often at most, by the beat after the one that has changed them. */
const TELL_MS = 1_000;
/** Time until a start that failed is tried again. */
const AGAIN_MS = 1_000;

let source: WebhookSource | null = null;
let outbox: Outbox | null = null;
let toldAtMs = Number.NEGATIVE_INFINITY;
let known: KnownSoFar | null = null;
let isStopping = false;
let nextId = 1;
const keeping = new Map<number, () => void>();

self.onmessage = async ({ data }: MessageEvent<ToWebhooksThread>) => {
  switch (data.kind) {
    case "start":
      return await start(data);
    case "kept":
      keeping.get(data.id)?.();
      return keeping.delete(data.id);
    case "resend":
      return await resend(data);
    case "tariffs":
      return known?.learn(data.tariffs);
    case "grown":
      return outbox?.grown();
    case "stop":
      return await stop();
  }
};

async function start(order: WebhooksStart): Promise<void> {
  const { journal, url, secrets, allowPrivate, target, names, tariffs } = order;
  known = new KnownSoFar(names, tariffs);
  stepBack();
  const send = senderTo({ url, secrets, allowPrivate });
  for (;;) {
    if (isStopping) return;
    try {
      source ??= openSource(journal, (all) => known?.learn(all));
      outbox = await Outbox.open({
        source,
        send,
        known,
        target,
        clock: systemClock,
        random: Math.random,
        keep: (changes) => kept({ kind: "keep", changes }),
        onTrouble: tell,
        onBeat: () => {
          // A commit from here on is told of again.
          Atomics.store(order.grown, 0, 0);
          tellFigures();
        },
        // Other workers' payments end in the same database, and nobody here hears of that.
        quietMs: isPostgres(journal) ? BEAT_MS : QUIET_BEAT_MS,
      });
      post({ kind: "opened" });
      break;
    } catch (error) {
      tell(error as Error);
      await Bun.sleep(AGAIN_MS);
    }
  }
}

let figures: Figures | null = null;

/** Wakes nobody to tell what is known. */
function tellFigures(): void {
  if (performance.now() - toldAtMs < TELL_MS) return;
  const now = outbox?.figures ?? null;
  if (now === null || Bun.deepEquals(now, figures)) return;
  toldAtMs = performance.now();
  figures = now;
  post({ kind: "figures", figures });
}

async function resend({ id, fromMs }: Extract<ToWebhooksThread, { kind: "resend" }>) {
  try {
    if (outbox === null) throw new Error("the journal cannot be read yet");
    await outbox.resend(fromMs, (changes) => kept({ kind: "keep", changes, resend: id }));
    post({ kind: "resent", id, reason: null });
  } catch (error) {
    post({ kind: "resent", id, reason: (error as Error).message });
  }
}

async function stop(): Promise<void> {
  isStopping = true;
  // The next worker sends again whatever is not kept now.
  await outbox?.stop().catch(() => {});
  await source?.close();
  post({ kind: "stopped" });
}

let trouble: string | null = null;

function tell(error: Error | null): void {
  if (error !== null && isCorruption(error)) post({ kind: "corrupt", message: error.message });
  const reason = error === null ? null : error instanceof JournalUnreachable ? null : error.message;
  if (reason === trouble) return;
  trouble = reason;
  post({ kind: "trouble", reason });
}

type Keep = Omit<Extract<FromWebhooksThread, { kind: "keep" }>, "id">;

function kept(order: Keep): Promise<void> {
  const id = nextId++;
  return new Promise((resolve) => {
    keeping.set(id, resolve);
    post({ ...order, id });
  });
}

function post(message: FromWebhooksThread): void {
  self.postMessage(message);
}
