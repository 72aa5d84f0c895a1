/** The lists that a commit takes, and the answers that it gives, without a database. */
import { describe, expect, test } from "bun:test";
import type { Transition } from "../../transitions.ts";
import { accept, assign, assigned, failed, settle, uuid } from "../journal.fixture.ts";
import { encode, fitting } from "./batch.ts";

const purge: Transition = { kind: "purge", baseRow: 256, atMs: 7 };

describe("a batch has", () => {
  test.each<[string, Transition[], number]>([
    [
      "everything about different payments",
      [accept(1), assign(2), failed("unknown", 3), settle(4, 0)],
      4,
    ],
    ["a payment once", [assign(1), failed("unknown", 2), settle(1, 0)], 2],
    ["an id once, whatever its number", [accept(1), accept(2, { correlationId: uuid(1) })], 1],
    ["nothing else with what is about no payment", [purge, accept(1)], 1],
    ["nothing about no payment behind others", [accept(1), purge], 1],
    ["no more than that", [accept(1), accept(2), accept(3), accept(4), accept(5), accept(6)], 5],
    ["nothing of nothing", [], 0],
  ])("%s", (_, transitions, count) => {
    expect(fitting(transitions, 5)).toBe(count);
  });
});

test("results stand where their transitions stood", () => {
  const transitions = [
    accept(1),
    settle(2, 0),
    assign(3),
    accept(4),
    assigned(5),
    failed("unknown", 6),
  ];
  const { results } = encode(transitions, uuid);
  const done = { kind: "done" };
  expect(results([])).toEqual(transitions.map(() => done) as never);
  const answer = [
    [0, 2, "duplicate"],
    [0, 3, "conflict"],
    [1, 1, 4],
    [1, 2, null],
    [2, 1, 0],
  ] as const;
  expect(results(answer)).toEqual([
    done,
    { kind: "moved", state: "accepted" },
    { kind: "moved", state: "settled" },
    { kind: "duplicate" },
    { kind: "conflict" },
    { kind: "moved", state: null },
  ] as never);
});
