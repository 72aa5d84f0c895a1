/** Prints rows as people read them. */
import { verdictOf, type Row, type Unit } from "./benchmark.ts";

const HEAD = ["name", "figure", "baseline", "ratio", "target", "verdict", "note"];
/** Numbers are aligned at their ends. */
const NUMBERS = new Set([1, 2, 3, 4]);

export function tableOf(rows: readonly Row[], quick: boolean): string {
  const cells = rows.map((row) => [
    row.name,
    figureText(row.figure, row.unit),
    row.baseline === null ? "–" : figureText(row.baseline, row.unit),
    row.ratio === null ? "–" : `${digits(row.ratio)}×`,
    targetText(row),
    verdictOf(row, quick),
    `${row.note}; ±${Math.round(row.spread * 100)} %`,
  ]);
  const widths = HEAD.map((head, at) =>
    Math.max(head.length, ...cells.map((row) => row[at]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((text, at) => (NUMBERS.has(at) ? text.padStart(widths[at]!) : text.padEnd(widths[at]!)))
      .join(" | ")
      .trimEnd();
  const rule = widths.map((width) => "-".repeat(width)).join("-|-");
  return [line(HEAD), rule, ...cells.map(line)].join("\n");
}

function targetText({ targets, unit }: Row): string {
  const texts = targets.map(({ op, value, of }) => {
    const text = of === "figure" ? figureText(value, unit) : `${digits(value)}×`;
    return `${op === "<=" ? "≤" : "≥"} ${text}`;
  });
  return texts.join(", ") || "–";
}

export function figureText(value: number, unit: Unit): string {
  if (unit === "/s") return `${grouped(value)}/s`;
  if (unit === "ms" || unit === "MB") return `${digits(value)} ${unit}`;
  if (value < 1_000) return `${digits(value)} ns`;
  return value < 1_000_000 ? `${digits(value / 1_000)} µs` : `${digits(value / 1_000_000)} ms`;
}

/** Prints three digits: a benchmark knows no more. */
function digits(value: number): string {
  return value >= 100 ? grouped(value) : String(Number(value.toPrecision(3)));
}

function grouped(value: number): string {
  const rounded = value >= 1_000 ? Number(value.toPrecision(3)) : Math.round(value);
  return String(rounded).replaceAll(/\B(?=(\d{3})+$)/g, " ");
}
