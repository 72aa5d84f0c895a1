import { expect, test } from "bun:test";
import { seededRandom } from "../../testing/random.ts";
import { MemoryNetwork } from "./memory.ts";

function play(seed: number, faults: { loss: number; repeat: number; delayMsMax: number }) {
  const network = new MemoryNetwork(seededRandom(seed), faults);
  const arrived: [atMs: number, n: number][] = [];
  for (let nowMs = 0; nowMs < 2_000; nowMs++) {
    if (nowMs < 1_000) network.send(nowMs, () => arrived.push([nowMs, nowMs]));
    network.tick(nowMs);
  }
  return arrived.map(([, n]) => n);
}
const ordered = (numbers: number[]) =>
  numbers.every((n, i) => i === 0 || n >= (numbers[i - 1] ?? 0));

test("a network without faults brings everything once, in order, in the tick it was sent", () => {
  expect(play(1, { loss: 0, repeat: 0, delayMsMax: 0 })).toEqual([...new Array(1_000).keys()]);
});

test("loss loses, repetition repeats, delay reorders, about as often as it is told", () => {
  expect(play(1, { loss: 0.3, repeat: 0, delayMsMax: 0 }).length).toBeWithin(650, 750);
  expect(play(1, { loss: 0, repeat: 0.3, delayMsMax: 0 }).length).toBeWithin(1_250, 1_350);
  const late = play(1, { loss: 0, repeat: 0, delayMsMax: 500 });
  expect([late.length, ordered(late)]).toEqual([1_000, false]);
});

test("a seed draws the same faults each time, another one others", () => {
  const faults = { loss: 0.2, repeat: 0.2, delayMsMax: 300 };
  expect(play(5, faults)).toEqual(play(5, faults));
  expect(play(5, faults)).not.toEqual(play(6, faults));
});

test("nothing arrives before its time", () => {
  const network = new MemoryNetwork(() => 0.5, { loss: 0, repeat: 0, delayMsMax: 100 });
  let arrived = 0;
  network.send(0, () => arrived++);
  expect([network.tick(49), arrived]).toEqual([false, 0]);
  expect([network.tick(50), arrived]).toEqual([true, 1]);
  expect([network.tick(60), arrived]).toEqual([false, 1]);
});
