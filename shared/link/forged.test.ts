import { expect, test } from "bun:test";
import { Forged } from "./forged.ts";

test("frames are counted by address, and beyond sixteen addresses as one", () => {
  const forged = new Forged();
  for (let n = 1; n <= 1_000; n++) forged.note(n, `10.0.${n % 4}.${n % 250}`);
  forged.note(1_001, "10.0.1.1");
  expect(forged.byAddress.size).toBe(17);
  expect(forged.byAddress.get("10.0.1.1")).toEqual({ frames: 3, lastAtMs: 1_001 });
  expect(forged.byAddress.get("others")?.lastAtMs).toBe(1_000);
  const frames = [...forged.byAddress.values()].reduce((sum, one) => sum + one.frames, 0);
  expect(frames).toBe(1_001);
});
