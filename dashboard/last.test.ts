import { expect, test } from "bun:test";
import type { LiveLane } from "../shared/http-api/live.ts";
import { isLastThatWorks } from "./last.ts";

type Lane = Pick<LiveLane, "name" | "mode" | "moved" | "breaker">;
const lane = (name: string, more: Partial<Lane> = {}): Lane => {
  return { name, mode: "auto", moved: false, breaker: "closed", ...more };
};

test.each<[about: string, own: Partial<Lane>, other: Partial<Lane>, isLast: boolean]>([
  ["both work", {}, {}, false],
  ["the other is open", {}, { breaker: "open" }, true],
  ["the other is only tried", {}, { breaker: "half-open" }, true],
  ["the other is drained", {}, { mode: "drained" }, true],
  ["the other has moved", {}, { moved: true }, true],
  ["the other is forced, though open", {}, { mode: "forced", breaker: "open" }, false],
  [
    "it is only tried itself, and the other is open",
    { breaker: "half-open" },
    { breaker: "open" },
    true,
  ],
  ["it is only tried itself, and the other works", { breaker: "half-open" }, {}, false],
  ["it is forced, and the other open", { mode: "forced" }, { breaker: "open" }, true],
  ["it does not work itself", { breaker: "open" }, { breaker: "open" }, false],
  ["it is drained already", { mode: "drained" }, { breaker: "open" }, false],
])("%s", (_, own, other, isLast) => {
  expect(isLastThatWorks([lane("other", other), lane("own", own)], "own")).toBe(isLast);
});

test("a single processor is the last one, and one that is not there is none", () => {
  expect(isLastThatWorks([lane("own")], "own")).toBe(true);
  expect(isLastThatWorks([lane("own")], "gone")).toBe(false);
});
