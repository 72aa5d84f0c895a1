import { expect, test } from "bun:test";
import type { BreakerKind, LaneChange } from "../shared/http-api/live.ts";
import { breakerChanges, stretchesOf, ticksOf } from "./timeline.ts";

const iso = (seconds: number) => new Date(seconds * 1_000).toISOString();

function change(seconds: number, from: BreakerKind, to: BreakerKind, processor = "a"): LaneChange {
  return {
    number: seconds,
    at: iso(seconds),
    upMs: seconds * 1_000,
    processor,
    kind: "breaker",
    from,
    to,
    cause: `${to}!`,
  };
}

/** Changes of "a", by a clock that began with the worker. */
const timed = (changes: readonly LaneChange[]) =>
  breakerChanges(changes, "a").map(({ from, to, cause, upMs }) => {
    return { from, to, cause, atMs: upMs };
  });

const window = { fromMs: 100_000, toMs: 200_000, startedAtMs: 50_000 };
const shown = (changes: readonly LaneChange[], now: BreakerKind, cut = window) =>
  stretchesOf(timed(changes), now, cut).map(({ kind, fromMs, toMs, cause }) => {
    return [kind, fromMs / 1_000, toMs / 1_000, cause];
  });

test("without a change it has been as it is", () => {
  expect(shown([], "closed")).toEqual([["closed", 100, 200, null]]);
});

test("changes cut the window, and carry their cause", () => {
  const changes = [
    change(120, "closed", "open"),
    change(150, "closed", "open", "b"),
    change(160, "open", "half-open"),
    change(161, "half-open", "closed"),
  ];
  expect(shown(changes, "closed")).toEqual([
    ["closed", 100, 120, null],
    ["open", 120, 160, "open!"],
    ["half-open", 160, 161, "half-open!"],
    ["closed", 161, 200, "closed!"],
  ]);
});

test("what began before the window reaches into it", () => {
  expect(shown([change(60, "closed", "open")], "open")).toEqual([["open", 100, 200, "open!"]]);
});

test("nothing is known from before the start", () => {
  const changes = [change(120, "closed", "open")];
  expect(shown(changes, "open", { ...window, startedAtMs: 110_000 })).toEqual([
    ["closed", 110, 120, null],
    ["open", 120, 200, "open!"],
  ]);
});

test("a time line has at most five marks besides now, none at its very end", () => {
  const labels = (shownMs: number) => ticksOf(shownMs).map(({ label }) => label);
  expect(labels(60_000)).toEqual(["now", "15 s ago", "30 s ago", "45 s ago"]);
  expect(labels(90_000)).toEqual(["now", "30 s ago", "1 min ago"]);
  expect(labels(300_000)).toEqual(["now", "1 min ago", "2 min ago", "3 min ago", "4 min ago"]);
});
