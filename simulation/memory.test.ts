import { expect, test } from "bun:test";
import { MemoryProcessor, type Delivered } from "./memory.ts";
import { ProcessorModel, type Call } from "../simulator/processor.ts";

const ADMIN = { contentType: "application/json", token: "123" };
const delay = (ms: number): Call => ({
  ...ADMIN,
  method: "PUT",
  path: "/admin/configurations/delay",
  body: JSON.stringify({ delay: ms }),
});
const faults = (set: object): Call => ({
  ...ADMIN,
  method: "PUT",
  path: "/simulator/faults",
  body: JSON.stringify(set),
});
const pay = (n: number): Call => ({
  method: "POST",
  path: "/payments",
  contentType: "application/json",
  token: null,
  body: JSON.stringify({ correlationId: idOf(n), amount: 1 }),
});

function idOf(n: number): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, "0")}`;
}

function memory(random: () => number = () => 0) {
  const model = new ProcessorModel({ fee: 0.05, random });
  const processor = new MemoryProcessor(model);
  const heard: string[] = [];
  const hear = (name: string) => (answer: Delivered) => {
    heard.push(`${name} ${answer.kind === "whole" ? answer.status : answer.kind}`);
  };
  return { model, processor, heard, hear };
}

test("nothing is answered inside the call; the next tick answers", () => {
  const { processor, heard, hear } = memory();
  processor.call(5, pay(1), hear("a"));
  expect(heard).toEqual([]);
  expect(processor.nextDueAtMs()).toBe(5);
  processor.tick(5);
  expect(heard).toEqual(["a 200"]);
  expect(processor.nextDueAtMs()).toBeNull();
  processor.tick(6);
  expect(heard).toEqual(["a 200"]);
});

test("answers come in the order in which they were due", () => {
  const { processor, heard, hear } = memory();
  processor.call(0, delay(30), () => {});
  processor.call(0, pay(1), hear("slow"));
  processor.call(0, delay(10), () => {});
  processor.call(0, pay(2), hear("quick"));
  processor.call(1, delay(0), () => {});
  processor.call(20, pay(3), hear("last"));
  processor.tick(20);
  expect(heard).toEqual(["quick 200", "last 200"]);
  expect(processor.nextDueAtMs()).toBe(30);
  processor.tick(30);
  expect(heard).toEqual(["quick 200", "last 200", "slow 200"]);
});

test("a caller that hangs up hears nothing, and its payment is recorded all the same", () => {
  const { model, processor, heard, hear } = memory();
  processor.call(0, delay(10), () => {});
  const handle = processor.call(0, pay(1), hear("gone"));
  processor.hangUp(handle);
  processor.tick(10);
  expect(heard).toEqual([]);
  expect(model.records.get(idOf(1))?.recordedAtMs).toBe(10);
});

test("a silent answer never arrives, a dropped one does", () => {
  const { processor, heard, hear } = memory();
  processor.call(0, faults({ hang: 1 }), () => {});
  processor.call(0, pay(1), hear("hung"));
  processor.call(0, faults({ answerLost: 1 }), () => {});
  processor.call(0, pay(2), hear("lost"));
  processor.tick(1_000_000);
  expect(heard).toEqual(["lost dropped"]);
});

test("a call is over when nothing can be recorded for it any more, answered or not", () => {
  const { processor } = memory();
  processor.call(0, faults({ hang: 1 }), () => {});
  processor.call(0, delay(10), () => {});
  const hung = processor.call(0, pay(1), () => {});
  expect(hung.over).toBe(false);
  processor.tick(9);
  expect(hung.over).toBe(false);
  processor.tick(10);
  expect(hung.over).toBe(true);
});

test("a call made from an answer is answered by a later tick", () => {
  const { processor, heard, hear } = memory();
  processor.call(0, pay(1), () => processor.call(0, pay(2), hear("second")));
  processor.tick(0);
  expect(heard).toEqual([]);
  processor.tick(0);
  expect(heard).toEqual(["second 200"]);
});

test("the same seed gives the same story", () => {
  const story = () => {
    let state = 42;
    const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
    const { model, processor, heard, hear } = memory(random);
    processor.call(0, delay(7), () => {});
    processor.call(0, faults({ answerLost: 0.2, hang: 0.2, errorWithInsert: 0.2 }), () => {});
    for (let n = 0; n < 2_000; n++) {
      processor.call(Math.floor(n / 150), pay(n % 1_500), hear(`${n}`));
      processor.tick(Math.floor(n / 150));
    }
    processor.tick(1_000);
    return { heard, rows: [...model.records.values()] };
  };
  const first = story();
  expect(first.heard.length).toBeGreaterThan(1_000);
  expect(story()).toEqual(first);
});
