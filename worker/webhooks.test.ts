/** Incidents of webhooks: their thread is a real one, and reads a real journal. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { systemClock } from "../shared/clock.ts";
import type { Circumstances } from "../shared/incidents.ts";
import { until } from "../testing/until.ts";
import { cursorOf } from "./event-position.ts";
import {
  failedWebhook,
  LASTING_DRIVERS,
  NAMES,
  temporaryDirectory,
} from "./journal/journal.fixture.ts";
import type { WebhookChanges } from "./transitions.ts";
import { startWebhooks } from "./webhooks.ts";

/** Nobody listens there. */
const URL = "http://127.0.0.1:1/";
/** Webhooks have begun, and nothing is to be sent. */
const BEGUN: WebhookChanges = {
  cursor: cursorOf({ attempt: 0, row: 0 }),
  target: "abc",
  endedAtMs: null,
  put: [],
  drop: [],
};

const openAt = (path: string) => LASTING_DRIVERS.at(-1)!.open(path);

/** Webhooks whose thread reads the journal at `path`, and the incidents that are told of them now. */
function webhooksAt(path: string) {
  const told = new Map<string, Circumstances>();
  const webhooks = startWebhooks({
    settings: {
      JOURNAL: path,
      WEBHOOK_URL: URL,
      WEBHOOK_SECRET: [Buffer.alloc(32, 7).toString("base64")],
      WEBHOOK_ALLOW_PRIVATE: true,
    },
    names: NAMES,
    tariffs: [],
    journal: {
      append() {
        throw new Error("nothing is to be kept here");
      },
      onCorruption(message) {
        throw new Error(message);
      },
    },
    incidents: {
      tell: (kind, _, now) => void (now === null ? told.delete(kind) : told.set(kind, now)),
    },
    clock: systemClock,
    leads: true,
  });
  return { told, [Symbol.asyncDispose]: async () => webhooks?.stop() };
}

test("webhooks that were given up are told of, after a start too", async () => {
  using folder = temporaryDirectory();
  const path = join(folder.path, "payments.db");
  await using opened = await openAt(path);
  const put = [1, 2].map((n) => failedWebhook(n, { state: "given up", body: "" }));
  await opened.apply({ kind: "webhooks", changes: { ...BEGUN, put } });
  await using webhooks = webhooksAt(path);

  await until("it is told", () => webhooks.told.has("webhooks-given-up"));
  expect(webhooks.told.get("webhooks-given-up")?.details).toEqual({ givenUp: 2 });
  expect([...webhooks.told.keys()]).toEqual(["webhooks-given-up"]);
});

test("a journal that cannot be read is told of with the reason, until it can be", async () => {
  using folder = temporaryDirectory();
  const path = join(folder.path, "payments.db");
  await using webhooks = webhooksAt(path);
  await until("it is told", () => webhooks.told.has("webhooks-broken"));
  const { details } = webhooks.told.get("webhooks-broken")!;
  expect(details).toEqual({ reason: `journal ${path}: there is no such file` });

  await using opened = await openAt(path);
  await opened.apply({ kind: "webhooks", changes: BEGUN });
  await until("it is over", () => !webhooks.told.has("webhooks-broken"));
});
