/** The figures that say whether all is well, and how they went in the last minutes. */
import type { LiveSnapshot } from "../shared/http-api/live.ts";
import { byCost } from "../shared/tariff.ts";
import { Chart, type Line } from "./charts.ts";
import { byId, setAttribute, setText } from "./dom.ts";
import { DAY_S, Day, slicesOf, type Slice } from "./day.ts";
import { grouped, milliseconds, perSecond, plural, span } from "./format.ts";
import { atMsOf, shownMsOf, type History } from "./history.ts";
import { IncidentList } from "./incidents.ts";

/** Lanes have colours of their own, cheapest first; the last is for all further ones. */
const LANE_COLOURS = ["--lane-1", "--lane-2", "--lane-3", "--lane-4"];

export function laneLine(name: string, position: number): Line {
  return { label: name, colour: LANE_COLOURS[Math.min(position, 3)] as string };
}

const whole = (value: number) => grouped(Math.round(value));
const fine = (value: number) => (value > 0 && value < 10 ? value.toFixed(1) : whole(value));

export class Head {
  readonly #rates = new Chart(byId("chart-rates"), whole);
  readonly #durable = new Chart(byId("chart-durable"), fine, 1);
  readonly #backlog = new Chart(byId("chart-backlog"), whole);
  readonly #incidents = new IncidentList();
  readonly #day = new Day(() => this.#drawAgain());
  #drawAgain: () => void = () => {};

  update(snapshot: LiveSnapshot, { seconds }: History): void {
    const { untilDurable, backlog, journal } = snapshot;
    const last = seconds.at(-1);
    const settled = last?.settled.reduce((sum, count) => sum + count, 0) ?? 0;
    const { states, open, oldestSeconds } = backlog;
    figure("accepted", perSecond(last?.accepted ?? 0, last?.spanMs ?? 1_000), "in the last second");
    figure("settled", perSecond(settled, last?.spanMs ?? 1_000), "in the last second");
    figure(
      "p50",
      milliseconds(untilDurable?.p50Ms ?? null),
      untilDurable === null ? "nothing in the last 10 s" : "until durable",
    );
    figure(
      "p99",
      milliseconds(untilDurable?.p99Ms ?? null),
      untilDurable === null
        ? "nothing in the last 10 s"
        : `of ${plural(untilDurable.payments, "payment")} in 10 s`,
    );
    figure(
      "backlog",
      grouped(open),
      open === 0 ? "nothing waits" : `oldest ${span(oldestSeconds)}`,
      open >= backlog.max * 0.8 ? "bad" : null,
    );
    figure(
      "unknown",
      grouped(states.unknown),
      states.unknown === 0 ? "none in doubt" : "may have been charged",
      states.unknown > 0 ? "warn" : null,
    );
    const final = backlog.rejected + backlog.conflict;
    figure(
      "held",
      grouped(states.held),
      final === 0 ? "by an operator" : `${grouped(final)} rejected or in conflict`,
      states.held > 0 || final > 0 ? "warn" : null,
    );
    this.#judge(snapshot);
    const trouble = byId("trouble");
    setAttribute(trouble, "hidden", journal.trouble === null ? "" : null);
    setText(
      trouble,
      `The journal fails: ${journal.trouble}. Payments are turned away until it works.`,
    );
    this.#incidents.update(snapshot.incidents);
    this.#drawAgain = () => this.#draw(seconds, snapshot);
    this.#drawAgain();
  }

  #judge(snapshot: LiveSnapshot): void {
    const { text, kind, brief } = snapshot.standing;
    setText(byId("verdict"), text);
    setAttribute(byId("verdict"), "data-kind", kind);
    const title = brief === "" ? "Papa-Léguas" : `${brief} · Papa-Léguas`;
    if (document.title !== title) document.title = title;
  }

  redraw(): void {
    for (const chart of [this.#rates, this.#durable, this.#backlog]) chart.redraw();
  }

  #draw(seconds: History["seconds"], snapshot: LiveSnapshot): void {
    const { lanes } = snapshot;
    if (this.#day.isChosen) {
      const names = lanes.map(({ name }) => name);
      return this.#show(slicesOf(this.#day.minutes, names), DAY_S, lanes);
    }
    const slices = seconds.map((one) => ({ ...one, atMs: atMsOf(one, snapshot) }));
    this.#show(slices, shownMsOf(snapshot) / 1_000, lanes);
  }

  #show(slices: readonly Slice[], shownS: number, lanes: LiveSnapshot["lanes"]): void {
    const times = slices.map(({ atMs }) => atMs / 1_000);
    const rate = (count: number | null, spanMs: number) =>
      count === null ? null : (count * 1_000) / spanMs;
    const ordered = byCost(lanes).map((lane) => lanes.indexOf(lane));
    this.#rates.show(
      [
        { label: "accepted", colour: "--ink", dash: [3, 3] },
        ...ordered.map((lane, position) => laneLine(`${lanes[lane]!.name}`, position)),
      ],
      [
        times,
        slices.map(({ accepted, spanMs }) => rate(accepted, spanMs)),
        ...ordered.map((lane) =>
          slices.map(({ settled, spanMs }) => rate(settled[lane] ?? null, spanMs)),
        ),
      ],
      shownS,
    );
    this.#durable.show(
      [
        { label: "p99", colour: "--accent" },
        { label: "p50", colour: "--muted" },
      ],
      [times, slices.map(({ p99Ms }) => p99Ms), slices.map(({ p50Ms }) => p50Ms)],
      shownS,
    );
    this.#backlog.show(
      [
        { label: "open", colour: "--accent", fill: true },
        { label: "unknown", colour: "--warn" },
      ],
      [times, slices.map(({ open }) => open), slices.map(({ unknown }) => unknown)],
      shownS,
    );
  }
}

function figure(
  name: string,
  value: string,
  note: string,
  alarm: "warn" | "bad" | null = null,
): void {
  const element = byId(`figure-${name}`);
  setText(element.querySelector(".value")!, value);
  setText(element.querySelector(".note")!, note);
  setAttribute(element, "data-alarm", alarm);
}
