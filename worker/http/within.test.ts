import { expect, test } from "bun:test";
import { readerWithin, TOO_LATE } from "./within.ts";

test("a reader that hangs is called once, however many wait for it, and again when it is done", async () => {
  const calls: ((value: number) => void)[] = [];
  const read = readerWithin(1, () => new Promise<number>((resolve) => calls.push(resolve)));
  expect(await Promise.all([read(), read()])).toEqual([TOO_LATE, TOO_LATE]);
  expect(await read()).toBe(TOO_LATE);
  expect(calls).toHaveLength(1);
  calls[0]?.(7);
  await Bun.sleep(0);
  const again = read();
  expect(calls).toHaveLength(2);
  calls[1]?.(8);
  expect(await again).toBe(8);
});
