import { expect, test } from "bun:test";
import { Strangers } from "./strangers.ts";

test("whoever was heard lately is known, once, by the address it has now", () => {
  const strangers = new Strangers();
  strangers.heard(0, { address: "10.0.0.1", instance: 1 });
  strangers.heard(4_000, { address: "10.0.0.2", instance: 1 });
  strangers.heard(4_000, { address: "10.0.0.3", instance: 2 });
  expect(strangers.recent(5_500)).toEqual([
    { address: "10.0.0.2", instance: 1 },
    { address: "10.0.0.3", instance: 2 },
  ]);
  expect(strangers.recent(9_001)).toEqual([]);
});

test("a flood takes no memory, and the newest are kept", () => {
  const strangers = new Strangers();
  for (let n = 0; n < 1_000; n++) strangers.heard(n, { address: "10.0.0.1", instance: n });
  const recent = strangers.recent(1_000);
  expect(recent).toHaveLength(16);
  expect(recent.at(-1)?.instance).toBe(999);
});

test("frames are counted by address, and beyond sixteen addresses as one", () => {
  const strangers = new Strangers();
  const { byAddress } = strangers;
  for (let n = 1; n <= 1_000; n++) {
    strangers.heard(n, { address: `10.0.${n % 4}.${n % 250}`, instance: 1 });
  }
  strangers.heard(1_001, { address: "10.0.1.1", instance: 1 });
  expect(byAddress.size).toBe(17);
  expect(byAddress.get("10.0.1.1")).toEqual({ frames: 3, lastAtMs: 1_001 });
  expect(byAddress.get("others")?.lastAtMs).toBe(1_000);
  const frames = [...byAddress.values()].reduce((sum, one) => sum + one.frames, 0);
  expect(frames).toBe(1_001);
});
