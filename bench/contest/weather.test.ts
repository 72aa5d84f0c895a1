import { expect, test } from "bun:test";
import { join } from "node:path";
import { parseWeather, scheduleOf, type Weather } from "./weather.ts";

async function shipped(name: string): Promise<Weather> {
  const text = await Bun.file(join(import.meta.dir, "weathers", `${name}.json`)).text();
  const parsed = parseWeather(text);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.weather;
}

/** Rows of a second, delay and failing of default, delay and failing of fallback. */
const rowsOf = (steps: Weather) =>
  steps.map((step) => [
    step.at,
    step.default?.delay,
    step.default?.failing,
    step.fallback?.delay,
    step.fallback?.failing,
  ]);

test("the official weather is the contract's", async () => {
  expect(rowsOf(await shipped("official"))).toEqual([
    [1, 0, false, 0, false],
    [10, 100, false, 0, false],
    [20, 100, true, 0, false],
    [30, 2_000, true, 1_000, true],
    [40, 20, false, 20, false],
    [50, 0, false, 5_000, false],
  ]);
});

test("dead: the default processor is gone from second 5 on", async () => {
  const down = (await shipped("dead")).map((step) => [step.at, step.default?.down ?? false]);
  expect(down).toEqual([
    [1, false],
    [5, true],
  ]);
});

test("flapping: the default processor changes every two seconds", async () => {
  const [, ...steps] = await shipped("flapping");
  expect(steps.map((step) => step.at)).toEqual(steps.map((_, i) => 4 + 2 * i));
  expect(steps.map((step) => step.default?.failing)).toEqual(steps.map((_, i) => i % 2 === 0));
  expect(steps.at(-1)).toMatchObject({ at: 58, default: { failing: false } });
});

test("slow: neither processor ever fails", async () => {
  const states = (await shipped("slow")).flatMap((step) => [step.default, step.fallback]);
  expect(states.every((state) => state?.failing === false && state.down === undefined)).toBe(true);
  expect(Math.max(...states.map((state) => state?.delay ?? 0))).toBe(1_200);
});

test("a shorter test has faster weather, in order", () => {
  const calm = { delay: 0, failing: false };
  const steps: Weather = [
    { at: 30, default: calm, fallback: calm },
    { at: 10, fallback: { ...calm, down: true } },
  ];
  expect(scheduleOf(steps, 6_000)).toEqual([
    { atMs: 1_000, states: [["fallback", { ...calm, down: true }]] },
    {
      atMs: 3_000,
      states: [
        ["default", calm],
        ["fallback", calm],
      ],
    },
  ]);
});

test.each([
  ["not JSON", "{", "it is not JSON"],
  ["not a list", "{}", "Expected Array"],
  ["empty", "[]", "at least one step"],
  ["without a time", '[{"default":{"delay":0,"failing":false}}]', "at"],
  ["before the start", '[{"at":-1}]', "at: 0 or more"],
  ["with half a state", '[{"at":1,"default":{"delay":0}}]', "0.default.failing"],
  ["with a negative delay", '[{"at":1,"default":{"delay":-1,"failing":true}}]', "delay: 0 or more"],
  ["for a stranger", '[{"at":1,"other":{"delay":0,"failing":true}}]', "0.other"],
])("weather %s has a sentence", (_, text, sentence) => {
  const parsed = parseWeather(text);
  expect(parsed.ok ? "" : parsed.reason).toContain(sentence);
});
