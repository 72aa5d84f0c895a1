import { describe, expect, test } from "bun:test";
import { shareOf } from "../../shared/tariff.ts";
import { feesApart, whyNotBeside, type Started, type Tariffs } from "./configuration.ts";

const [OLD, NEW, OTHER] = [shareOf(0.05), shareOf(0.06), shareOf(0.07)];

function processor(name: string, fee = OLD, more: { kind?: string; url?: string } = {}) {
  return { name, kind: "rinha", url: `http://${name}/`, fee, ...more };
}
function worker(name: string, ...processors: Started["processors"]): Started {
  return { name, processors };
}
const began = (...fees: NonNullable<ReturnType<Tariffs["get"]>>): Tariffs => new Map([["a", fees]]);

describe("a worker starts beside others", () => {
  test("with the same processors, in any order", () => {
    const me = worker("w1", processor("a"), processor("b"));
    const other = worker("w2", processor("b"), processor("a"));
    expect(whyNotBeside(me, [other], began(OLD))).toBeNull();
    expect(whyNotBeside(me, [], began(OLD))).toBeNull();
  });

  test("with a fee that none had before, though another lives", () => {
    const me = worker("w1", processor("a", NEW));
    expect(whyNotBeside(me, [worker("w2", processor("a"))], began(OLD))).toBeNull();
  });

  test("with the fee in force, though another has the one before", () => {
    const me = worker("w1", processor("a", NEW));
    expect(whyNotBeside(me, [worker("w2", processor("a"))], began(OLD, NEW))).toBeNull();
  });

  test("with the fee before, while none lives that has replaced it", () => {
    const me = worker("w1", processor("a", OLD));
    expect(whyNotBeside(me, [worker("w2", processor("a", OLD))], began(OLD, NEW))).toBeNull();
  });
});

describe("a worker is refused, with both named,", () => {
  test.each([
    ["a processor less", [processor("a")], "the processor b, and this one (w1) has not"],
    [
      "a processor more",
      [processor("a"), processor("b"), processor("c")],
      "no processor c, and this one (w1) has",
    ],
    [
      "another address",
      [processor("a"), processor("b", OLD, { url: "http://c/" })],
      "b at http://b/ (rinha), and this one (w1) at http://c/ (rinha)",
    ],
    [
      "another kind",
      [processor("a"), processor("b", OLD, { kind: "stripe" })],
      "b at http://b/ (rinha), and this one (w1) at http://b/ (stripe)",
    ],
  ])("with %s", (_, processors, what) => {
    const other = worker("w2", processor("a"), processor("b"));
    const reason = whyNotBeside(worker("w1", ...processors), [other], began(OLD));
    expect(reason).toStartWith(`worker w2, which is active, has ${what}`);
  });

  test("with a fee that one which lives has replaced, however long ago", () => {
    const others = [worker("w2", processor("a", OLD)), worker("w3", processor("a", NEW))];
    const me = worker("w1", processor("a", OLD));
    const reason = whyNotBeside(me, others, began(OLD, NEW));
    expect(reason).toStartWith("this worker (w1) has 5 % for a, which was replaced by 6 %");
    expect(reason).toContain("worker w3");
    const later = [worker("w3", processor("a", OTHER))];
    expect(whyNotBeside(me, later, began(OLD, null, NEW, OTHER))).toContain("worker w3");
  });
});

test("fees that two workers choose by are said, with both named", () => {
  const me = worker("w1", processor("a", NEW), processor("b"));
  const others = [worker("w2", processor("a"), processor("b")), worker("w3", ...me.processors)];
  expect(feesApart(me, others)).toEqual([
    "worker w2 has 5 % for a, and this one (w1) 6 %: it chooses by its own until it is started again",
  ]);
});
