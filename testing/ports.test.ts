import { expect, test } from "bun:test";
import { freePorts } from "./ports.ts";
import { Child } from "./process.ts";

const NAMES = Array.from({ length: 50 }, (_, n) => `port${n}`);
const MODULE = JSON.stringify(new URL("./ports.ts", import.meta.url).href);
const SCRIPT = `
  import { freePorts } from ${MODULE};
  console.log(JSON.stringify(Object.values(await freePorts(...${JSON.stringify(NAMES)}))));
  await Bun.stdin.text();
`;

test.skipIf(process.platform !== "linux")(
  "processes that ask at the same time are given different ports, also of those that nobody has bound",
  async () => {
    const isReady = (line: string) => line.startsWith("[");
    const command = [process.execPath, "-e", SCRIPT];
    const started = Array.from({ length: 6 }, () =>
      Child.start({ command, isReady, withInput: true }),
    );
    await using children = new AsyncDisposableStack();
    const all = (await Promise.all(started)).map((child) => children.use(child));
    const lines = await Promise.all(all.map((child) => child.untilReady()));
    const given = lines.flatMap((line) => JSON.parse(line) as number[]);
    given.push(...Object.values(await freePorts(...NAMES)));
    expect(given).toHaveLength(7 * NAMES.length);
    expect(new Set(given).size).toBe(given.length);
  },
);

test("whoever asks twice is given others", async () => {
  const both = await Promise.all([freePorts(...NAMES), freePorts(...NAMES)]);
  expect(new Set(both.flatMap((ports) => Object.values(ports))).size).toBe(2 * NAMES.length);
});
