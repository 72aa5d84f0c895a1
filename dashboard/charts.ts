/** Draws curves over time: uPlot, with the page's colours, the width of its place, and a legend to read. */
import uPlot from "uplot";

export type Line = {
  readonly label: string;
  /** A custom property of the page. */
  readonly colour: string;
  readonly dash?: readonly number[];
  readonly fill?: boolean;
};
export type Points = readonly (readonly (number | null)[])[];

const HEIGHT = 132;
const LONELY_PX = 4;

export class Chart {
  readonly #place: HTMLElement;
  readonly #format: (value: number) => string;
  readonly #least: number;
  #spanS: number | null = null;
  #lines: readonly Line[] = [];
  #points: Points = [];
  #plot: uPlot | null = null;

  /** Makes a chart whose scale reaches up to `least` at least. */
  constructor(place: HTMLElement, format: (value: number) => string, least = 4) {
    this.#place = place;
    this.#format = format;
    this.#least = least;
    place.addEventListener("pointerleave", () => this.#showLatest());
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
  }

  /**
   * The first row of points is the time, in seconds since 1970. A span shows that much of it up to
   * the newest point; null shows all that there is.
   */
  show(lines: readonly Line[], points: Points, spanS: number | null = null): void {
    this.#spanS = spanS;
    const same = lines.map(labelOf).join() === this.#lines.map(labelOf).join();
    this.#lines = lines;
    this.#points = points;
    if (!same || this.#plot === null) return this.redraw();
    this.#plot.setData(points as uPlot.AlignedData);
    this.#showLatest();
  }

  redraw(): void {
    this.#plot?.destroy();
    if (this.#lines.length === 0) return;
    this.#plot = new uPlot(this.#options(), this.#points as uPlot.AlignedData, this.#place);
  }

  /** The legend tells the newest values while nobody points at others. */
  #showLatest(): void {
    const plot = this.#plot;
    const pointed = (plot?.cursor.left ?? -1) >= 0;
    if (!pointed) plot?.setLegend({ idx: (this.#points[0]?.length ?? 0) - 1 });
  }

  #size(): { width: number; height: number } {
    return { width: this.#place.clientWidth, height: HEIGHT };
  }

  #options(): uPlot.Options {
    const [ink, rule] = [this.#colour("--muted"), this.#colour("--rule")];
    const grid = { stroke: rule, width: 1 };
    const axis = { stroke: ink, grid, ticks: { ...grid, size: 4 }, font: "11px system-ui" };
    return {
      ...this.#size(),
      padding: [8, 22, 0, 0],
      cursor: { y: false, drag: { setScale: false, x: false, y: false }, points: { size: 5 } },
      legend: { live: true },
      scales: {
        x: this.#across(),
        y: { range: (_, __, max) => [0, Math.max(this.#least, (max ?? 0) * 1.08)] },
      },
      axes: [
        { ...axis, size: 24, space: 62, values: timesOf },
        { ...axis, size: 46, space: 28, values: (_, all) => all.map(this.#format) },
      ],
      hooks: { ready: [() => this.#showLatest()] },
      series: [
        { value: (_, at) => shownIf(at, "", clockOf), label: " " },
        ...this.#lines.map(({ label, colour, dash, fill }) => ({
          label,
          stroke: this.#colour(colour),
          width: 1.5,
          ...(dash === undefined ? {} : { dash: [...dash] }),
          ...(fill === true ? { fill: this.#colour(`${colour}-soft`) } : {}),
          points: {
            show: false,
            filter: ({ data }: uPlot, line: number) => lonelyIn(data[line] ?? []),
            size: LONELY_PX,
            width: 0,
            fill: this.#colour(colour),
          },
          value: (_: uPlot, value: number | null) => shownIf(value, "–", this.#format),
        })),
      ],
    };
  }

  #across(): uPlot.Scale {
    return { range: (_, min, max) => [this.#spanS === null ? min : max - this.#spanS, max] };
  }

  /** Reads a colour as the theme that is shown makes it. */
  #colour(property: string): string {
    this.#place.style.color = `var(${property})`;
    const { color } = getComputedStyle(this.#place);
    this.#place.style.color = "";
    return color;
  }
}

/**
 * Finds values with nothing on either side, as where payments are rare: a line has two ends, so that they
 * would not be seen.
 */
export function lonelyIn(values: ArrayLike<number | null | undefined>): number[] {
  const isThere = (at: number) => (values[at] ?? null) !== null;
  return Array.from({ length: values.length }, (_, at) => at).filter(
    (at) => isThere(at) && !isThere(at - 1) && !isThere(at + 1),
  );
}

/** Shows nothing of a chart that has no point yet: uPlot then hands over undefined, whatever its types say. */
function shownIf(value: number | null, none: string, format: (value: number) => string): string {
  return Number.isFinite(value) ? format(value as number) : none;
}

const labelOf = ({ label }: Line) => label;

function clockOf(seconds: number): string {
  return new Date(seconds * 1_000).toLocaleTimeString("en-GB");
}

/** Seconds are worth reading only when the ticks are that close. */
function timesOf(_: uPlot, ticks: number[], __: number, ___: number, stepS: number): string[] {
  return ticks.map((tick) => {
    const date = new Date(tick * 1_000);
    if (stepS >= 86_400) return date.toLocaleDateString("en-CA").slice(5);
    return clockOf(tick).slice(0, stepS >= 60 ? 5 : 8);
  });
}
