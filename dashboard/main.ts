/** Runs the page: what the stream tells goes to the panels; the rest they ask for themselves. */
import { version } from "../package.json";
import type { LiveSnapshot } from "../shared/http-api/live.ts";
import { Audit } from "./audit.ts";
import { connect } from "./connection.ts";
import { byId, setAttribute, setText } from "./dom.ts";
import { offer } from "./download.ts";
import { clock, span } from "./format.ts";
import { startGameDay } from "./gameday.ts";
import { Head } from "./head.ts";
import { History } from "./history.ts";
import { startKeys } from "./keys.ts";
import { Lanes } from "./lanes.ts";
import { Money } from "./money.ts";
import { OpenPayments } from "./open.ts";
import { OperatorDesk } from "./operator.ts";
import { Payments } from "./payments.ts";
import { StoryPanel } from "./story.ts";
import { Webhooks } from "./webhooks.ts";
import { Windows } from "./windows.ts";

const history = new History();
const desk = new OperatorDesk();
const story = new StoryPanel(desk);
const show = (correlationId: string) => void story.show(correlationId);
const open = new OpenPayments(show);
const [head, lanes, money, windows] = [new Head(), new Lanes(desk), new Money(), new Windows()];
const webhooks = new Webhooks();
const payments = new Payments(show);
let latest: LiveSnapshot | null = null;

setText(byId("version"), `Papa-Léguas ${version}`);
desk.onDone = () => {
  void story.readAgain();
  void open.read();
};
void desk.look();
void startGameDay(show);
new Audit(show);

connect("/dashboard/live", {
  onSnapshot(snapshot) {
    latest = snapshot;
    history.add(snapshot);
    setAttribute(byId("lost"), "hidden", "");
    const { notReady, at, upMs } = snapshot;
    state(notReady === null ? "live" : "not ready", notReady === null ? "good" : "bad");
    setText(byId("as-of"), `${clock(at)}${notReady === null ? "" : ` · ${notReady}`}`);
    setText(byId("up"), `worker up ${span(Math.floor(upMs / 1_000))}`);
    if (document.hidden) return;
    update(snapshot);
  },
  onLost(lastAtMs) {
    state("connection lost", "bad");
    const lost = byId("lost");
    setAttribute(lost, "hidden", null);
    document.documentElement.dataset["stale"] = "";
    setText(
      lost,
      lastAtMs === null || latest === null
        ? "The gateway does not answer. Trying again…"
        : `Connection lost. These figures are from ${clock(latest.at)}, ${span(Math.floor((performance.now() - lastAtMs) / 1_000))} old. Trying again…`,
    );
  },
});

function update(snapshot: LiveSnapshot): void {
  delete document.documentElement.dataset["stale"];
  head.update(snapshot, history);
  lanes.update(snapshot, history);
  money.update(snapshot);
  webhooks.update(snapshot);
  windows.update(snapshot.lanes);
  payments.update(snapshot);
}

function state(text: string, kind: "good" | "bad"): void {
  setText(byId("state"), text);
  setAttribute(byId("state"), "data-kind", kind);
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && latest !== null) update(latest);
});

function changeTheme(): void {
  const root = document.documentElement;
  const shown =
    root.dataset["theme"] ??
    (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  root.dataset["theme"] = shown === "dark" ? "light" : "dark";
  head.redraw();
  windows.redraw();
}
byId("theme").addEventListener("click", changeTheme);
startKeys({ theme: changeTheme });

offer(
  "live",
  "papa-leguas",
  () => {
    const names = latest?.lanes.map(({ name }) => `settled_${name}`) ?? [];
    const heads = ["at", "span_ms", "accepted", ...names, "p50_ms", "p99_ms", "open", "unknown"];
    const rows = history.seconds.map(
      ({ at, spanMs, accepted, settled, p50Ms, p99Ms, open: backlog, unknown }) =>
        [at, spanMs, accepted].concat(settled, [p50Ms, p99Ms, backlog, unknown] as number[]),
    );
    return { heads, rows };
  },
  () => ({ ...latest, seconds: history.seconds, changes: history.changes }),
);
offer(
  "lanes",
  "processors",
  () => ({
    heads: ["at", "processor", "from", "to", "cause"],
    rows: history.changes.map((one) => [one.at, one.processor, one.from, one.to, one.cause]),
  }),
  () => ({ processors: latest?.lanes ?? [], changes: history.changes }),
);
