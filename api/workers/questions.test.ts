import { expect, spyOn, test } from "bun:test";
import { Questions } from "./questions.ts";

/** Rounds over a clock that a test moves; `waits` are the times that were asked of the timer. */
function questionsAt(startMs: number) {
  const state = { nowMs: startMs, isEnough: true, waits: [] as number[], rounds: 0 };
  const never = setTimeout(() => {}, 0);
  clearTimeout(never);
  const timers = spyOn(globalThis, "setTimeout").mockImplementation(((_: unknown, ms: number) => {
    state.waits.push(ms);
    return never;
  }) as never);
  const questions = new Questions({
    clock: { steadyMs: () => state.nowMs, wallMs: () => state.nowMs },
    origins: () => (state.rounds++, []),
    isEnough: () => state.isEnough,
    onMap: () => {},
  });
  return { state, questions, [Symbol.dispose]: () => timers.mockRestore() };
}

test("all are asked once a second, and five times a second while the map does not do", () => {
  using asked = questionsAt(50_000);
  asked.questions.start();
  expect([asked.state.rounds, asked.state.waits]).toEqual([1, [1_000]]);
  asked.state.nowMs += 1_000;
  asked.state.isEnough = false;
  asked.questions.start();
  expect([asked.state.rounds, asked.state.waits]).toEqual([2, [1_000, 200]]);
});

test("who has a reason is heard at once, but not sooner than 25 ms after the last round, and once", () => {
  using asked = questionsAt(50_000);
  asked.questions.start();
  asked.state.nowMs += 5;
  asked.questions.hurry();
  asked.questions.hurry();
  expect(asked.state.waits).toEqual([1_000, 20]);
  asked.state.nowMs += 20;
  asked.questions.start();
  asked.state.nowMs += 300;
  asked.questions.hurry();
  expect(asked.state.waits).toEqual([1_000, 20, 1_000, 0]);
});
