/**
 * Shows a lane per processor: its breaker over time with every cause, its speed, its load, what it
 * settled.
 */
import { lackingWords } from "../shared/http-api/lacking.ts";
import type { BreakerKind, LaneChange, LiveLane, LiveSnapshot } from "../shared/http-api/live.ts";
import { wordsOf } from "../shared/tariff.ts";
import { h, byId, setAttribute, setText, table, time } from "./dom.ts";
import { clock, grouped, milliseconds, perSecond, plural, span } from "./format.ts";
import { atMsOf, shownMsOf, type History } from "./history.ts";
import { isLastThatWorks } from "./last.ts";
import { MEANS, WORD, type OperatorDesk } from "./operator.ts";
import { breakerChanges, stretchesOf, ticksOf, type Stretch } from "./timeline.ts";
import type { ProcessorAction } from "../shared/http-api/operator.ts";
import { decimalFromCents } from "../shared/money.ts";

const CHANGES_AT_ONCE = 3;
const SVG = "http://www.w3.org/2000/svg";
/** The height says it too: without colours a bar still grows with the trouble. */
const HEIGHT: Record<BreakerKind, number> = { closed: 6, "half-open": 16, open: 28 };
/** The mode that each button sets; the fourth decision is offered for a processor that has moved. */
const SETS = { drain: "drained", force: "forced", resume: "auto" } as const;
type Setting = keyof typeof SETS;
const MODE_MEANS = {
  auto: "",
  drained: "drained: gets no new payment",
  forced: "forced: used whatever its breaker says",
} as const;

const MOVED_MEANS =
  "moved: another address than its open payments were sent to; nothing is sent there until an operator says that it is the same processor";

const FIGURES = {
  latency: "Smoothed time of its answers",
  "in flight": "Calls without an answer, and how many there may be: the limit follows its answers",
  "settled/s": "Payments that it recorded in the last second",
  settled: "Payments that it recorded since the last purge",
  amount: "What those come to",
} as const;
/** Share of the width from which the cause of a stretch can be read on the line itself. */
const LABELLED_SHARE_MIN = 0.09;

export class Lanes {
  readonly #place = byId("lanes-list");
  readonly #desk: OperatorDesk;
  readonly #views = new Map<string, LaneView>();
  #startedAt = "";
  #latest: readonly LiveLane[] = [];

  constructor(desk: OperatorDesk) {
    this.#desk = desk;
  }

  /** A worker that was started again may have other processors, and counts their changes from one. */
  #begin(startedAt: string): void {
    if (startedAt === this.#startedAt) return;
    this.#startedAt = startedAt;
    this.#views.clear();
    this.#place.replaceChildren();
  }

  update(snapshot: LiveSnapshot, history: History): void {
    this.#begin(snapshot.startedAt);
    this.#latest = snapshot.lanes;
    for (const [number, lane] of snapshot.lanes.entries()) {
      let view = this.#views.get(lane.name);
      if (view === undefined) {
        view = new LaneView(lane, (action) =>
          this.#desk.onProcessor(lane.name, action, () => isLastThatWorks(this.#latest, lane.name)),
        );
        this.#views.set(lane.name, view);
        this.#place.append(view.element);
      }
      view.update(lane, number, snapshot, history);
    }
  }
}

class LaneView {
  readonly element: HTMLElement;
  readonly #state = h("strong", { class: "state" });
  readonly #mode = h("span", { class: "mode" });
  readonly #lacks = h("p", { class: "since", hidden: "" });
  readonly #since = h("p", { class: "since" });
  readonly #ticks = h("div", { class: "ticks", "aria-hidden": "true" });
  readonly #labels = h("div", { class: "labels", "aria-hidden": "true" });
  readonly #line = document.createElementNS(SVG, "svg");
  readonly #changes = h("div", { class: "changes" });
  readonly #all = h("details", { class: "all-changes", hidden: "" });
  readonly #figures = new Map<string, HTMLElement>();
  readonly #buttons: ReadonlyMap<ProcessorAction, HTMLElement>;
  #newest = 0;

  constructor({ name, tariff }: LiveLane, decide: (action: ProcessorAction) => void) {
    const button = (action: ProcessorAction) => {
      const label = `${WORD[action]}: ${name}`;
      const about = { "data-action": action, title: MEANS[action], "aria-label": label };
      return h("button", { type: "button", ...about, onclick: () => decide(action) }, WORD[action]);
    };
    const actions = Object.keys(WORD) as ProcessorAction[];
    this.#buttons = new Map(actions.map((action) => [action, button(action)]));
    this.#line.setAttribute("class", "timeline");
    this.#line.setAttribute("preserveAspectRatio", "none");
    this.#line.setAttribute("role", "img");
    const figures = Object.entries(FIGURES).map(([label, means]) => {
      const value = h("dd", {});
      this.#figures.set(label, value);
      return h("div", { title: means }, h("dt", {}, label), value);
    });
    this.element = h(
      "article",
      { class: "lane", "data-lane": name, "aria-label": `Processor ${name}` },
      h(
        "header",
        {},
        h("h3", {}, name),
        h("span", { class: "fee" }, `fee ${wordsOf(tariff)}`),
        this.#state,
        this.#mode,
        h("span", { class: "actions modes operator-only" }, ...this.#buttons.values()),
      ),
      h("div", { class: "line" }, this.#line, this.#labels, this.#ticks),
      h("dl", {}, ...figures),
      this.#lacks,
      this.#since,
      this.#changes,
      this.#all,
    );
    this.#all.append(h("summary", {}), h("div", {}));
  }

  update(lane: LiveLane, number: number, snapshot: LiveSnapshot, history: History): void {
    const last = history.seconds.at(-1);
    setAttribute(this.element, "data-breaker", lane.breaker);
    setText(this.#state, lane.breaker);
    setText(this.#mode, lane.moved ? MOVED_MEANS : MODE_MEANS[lane.mode]);
    setAttribute(this.#mode, "hidden", lane.mode === "auto" && !lane.moved ? "" : null);
    setText(this.#lacks, lackingWords(lane.lacks));
    setAttribute(this.#lacks, "hidden", lane.lacks.length === 0 ? "" : null);
    this.#offer(lane);
    this.#figure("latency", milliseconds(lane.latencyMs === 0 ? null : lane.latencyMs));
    this.#figure("in flight", `${grouped(lane.inFlight)} of ${grouped(lane.limit)}`);
    this.#figure("settled/s", perSecond(last?.settled[number] ?? 0, last?.spanMs ?? 1_000));
    this.#figure("settled", grouped(lane.settled.count));
    this.#figure("amount", grouped(decimalFromCents(lane.settled.cents)));
    this.#draw(lane, snapshot, history);
    const own = history.changes.filter(({ processor }) => processor === lane.name);
    this.#tell(lane, own, snapshot);
  }

  /** The button of the mode that it has is pressed. */
  #offer({ mode, moved }: LiveLane): void {
    for (const [action, button] of this.#buttons) {
      if (action === "moved") setAttribute(button, "hidden", moved ? null : "");
      else setAttribute(button, "aria-pressed", String(SETS[action as Setting] === mode));
    }
  }

  #figure(label: string, text: string): void {
    setText(this.#figures.get(label) as HTMLElement, text);
  }

  #draw(lane: LiveLane, snapshot: LiveSnapshot, { changes }: History): void {
    const toMs = Date.parse(snapshot.at);
    const shownMs = shownMsOf(snapshot);
    const fromMs = toMs - shownMs;
    this.#line.setAttribute("viewBox", `0 0 ${shownMs} 28`);
    const ticks = ticksOf(shownMs).map(({ agoMs, label }) => {
      const tick = h("span", {}, label);
      tick.style.right = `${(agoMs / shownMs) * 100}%`;
      return tick;
    });
    this.#ticks.replaceChildren(...ticks);
    const own = breakerChanges(changes, lane.name).map(({ from, to, cause, upMs }) => {
      return { from, to, cause, atMs: atMsOf({ upMs }, snapshot) };
    });
    const startedAtMs = toMs - snapshot.upMs;
    const stretches = stretchesOf(own, lane.breaker, { fromMs, toMs, startedAtMs });
    const bars = stretches.map(({ kind, fromMs: begin, toMs: end, cause }) => {
      const bar = document.createElementNS(SVG, "rect");
      const from = clock(new Date(begin).toISOString());
      const title = document.createElementNS(SVG, "title");
      const why = cause === null ? "" : `: ${cause}`;
      title.textContent = `${kind} from ${from}, for ${span((end - begin) / 1_000)}${why}`;
      bar.append(title);
      bar.setAttribute("class", kind);
      // A stretch that lasted a moment is to be seen nevertheless.
      bar.setAttribute("x", String(begin - fromMs));
      bar.setAttribute("width", String(Math.max(end - begin, shownMs / 400)));
      bar.setAttribute("y", String(28 - HEIGHT[kind]));
      bar.setAttribute("height", String(HEIGHT[kind]));
      return bar;
    });
    this.#line.replaceChildren(...bars);
    this.#label(stretches, fromMs, shownMs);
    const openS =
      stretches
        .filter(({ kind }) => kind === "open")
        .reduce((sum, { fromMs: begin, toMs: end }) => sum + end - begin, 0) / 1_000;
    setAttribute(
      this.#line,
      "aria-label",
      openS === 0
        ? `Breaker of ${lane.name}: not open in the last ${span(shownMs / 1_000)}`
        : `Breaker of ${lane.name}: open for ${span(openS)} of the last ${span(shownMs / 1_000)}`,
    );
  }

  /** Writes how long it was open and why, on the line itself where there is room for it. */
  #label(stretches: readonly Stretch[], beginMs: number, shownMs: number): void {
    const wide = stretches.filter(
      ({ kind, fromMs, toMs }) =>
        kind === "open" && (toMs - fromMs) / shownMs >= LABELLED_SHARE_MIN,
    );
    const labels = wide.map(({ fromMs, toMs, cause }) => {
      const why = cause === null ? "" : ` · ${cause}`;
      const label = h("span", {}, `${span((toMs - fromMs) / 1_000)}${why}`);
      label.style.left = `${((fromMs - beginMs) / shownMs) * 100}%`;
      label.style.width = `${((toMs - fromMs) / shownMs) * 100}%`;
      return label;
    });
    this.#labels.replaceChildren(...labels);
  }

  #tell(lane: LiveLane, changes: readonly LaneChange[], { upMs }: LiveSnapshot): void {
    const newest = changes.findLast(({ kind }) => kind === "breaker");
    const forS = (upMs - (newest?.upMs ?? 0)) / 1_000;
    const why = newest === undefined ? "since the worker's start" : `${newest.cause}`;
    const lasting = forS < 1 ? "just now" : `for ${span(Math.floor(forS))}`;
    setText(this.#since, `${lane.breaker} ${lasting}: ${why}`);
    if ((changes.at(-1)?.number ?? 0) === this.#newest) return;
    this.#newest = changes.at(-1)?.number ?? 0;
    const rows = changes
      .toReversed()
      .map((change) => [
        time(change.at, clock(change.at, true)),
        h("span", { class: `to ${change.to}` }, `${change.from} → ${change.to}`),
        change.cause,
      ]);
    const heads = ["at", "change", "cause"];
    this.#changes.replaceChildren(
      table(heads, rows.slice(0, CHANGES_AT_ONCE), `Latest changes of ${lane.name}`),
    );
    const [summary, rest] = this.#all.children as unknown as [HTMLElement, HTMLElement];
    const earlier = rows.slice(CHANGES_AT_ONCE);
    setAttribute(this.#all, "hidden", earlier.length === 0 ? "" : null);
    setText(summary, plural(earlier.length, "earlier change"));
    rest.replaceChildren(table(heads, earlier, `Earlier changes of ${lane.name}`));
  }
}
