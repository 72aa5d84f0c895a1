/** Prints a line a second while the contest runs. */
import type { LiveSnapshot } from "../../shared/http-api/live.ts";
import { grouped } from "./text.ts";

export type GatewayNews = {
  /** Payments settled since the last purge. */
  readonly settled: number;
  readonly backlog: number;
  /** State of each processor's breaker, by its name. */
  readonly breakers: Readonly<Record<string, string>>;
};

/** Reads what a gateway says of itself; null when it is not this one. */
export function newsOf(live: object | null): GatewayNews | null {
  if (live === null || !("backlog" in live && "lanes" in live)) return null;
  const { backlog, lanes } = live as LiveSnapshot;
  return {
    settled: lanes.reduce((sum, { settled }) => sum + settled.count, 0),
    backlog: backlog.open,
    breakers: Object.fromEntries(lanes.map(({ name, breaker }) => [name, breaker])),
  };
}

export type Moment = {
  readonly second: number;
  readonly users: number;
  readonly accepted: number;
  readonly failed: number;
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
