/** Prints a line a second while the contest runs. */
import { grouped } from "./text.ts";

export type GatewayNews = {
  /** Payments settled since the gateway was started. */
  readonly settled: number;
  readonly backlog: number;
  /** State of each processor's breaker, by its name. */
  readonly breakers: Readonly<Record<string, string>>;
};

const BREAKERS = ["closed", "half-open", "open"];

/** Reads a page of Prometheus text; null when it is not this gateway's. */
export function readMetrics(page: string): GatewayNews | null {
  const backlog = /^papaleguas_backlog (\d+)$/m.exec(page)?.[1];
  if (backlog === undefined) return null;
  const settled = valuesOf(page, "settled_total").reduce((sum, [, value]) => sum + value, 0);
  const breakers = valuesOf(page, "breaker_state").map(([name, value]) => [
    name,
    BREAKERS[value] ?? String(value),
  ]);
  return { settled, backlog: Number(backlog), breakers: Object.fromEntries(breakers) };
}

function valuesOf(page: string, metric: string): [processor: string, value: number][] {
  const lines = new RegExp(
    `^papaleguas_${metric}\\{[^}]*processor="([^"]*)"[^}]*\\} (\\S+)$`,
    "gm",
  );
  return [...page.matchAll(lines)].map(([, name = "", value]) => [name, Number(value)]);
}

export type Moment = {
  readonly second: number;
  readonly users: number;
  readonly accepted: number;
  readonly failed: number;
  /** Figures since the contest began. */
  readonly news: GatewayNews | null;
};

export function lineOf({ second, users, accepted, failed, news }: Moment): string {
  const columns = [
    `${String(second).padStart(4)} s`,
    `users ${String(users).padStart(4)}`,
    `accepted ${grouped(accepted).padStart(7)}`,
  ];
  if (news !== null) {
    columns.push(
      `settled ${grouped(news.settled).padStart(7)}`,
      `backlog ${grouped(news.backlog).padStart(6)}`,
      ...Object.entries(news.breakers).map(([name, state]) => `${name} ${state.padEnd(9)}`),
    );
  }
  if (failed > 0) columns.push(`failed ${grouped(failed)}`);
  return columns.join("  ").trimEnd();
}
