import { describe, expect, test } from "bun:test";
import type { Draining } from "./process.fixture.ts";
import { Child } from "../testing/process.ts";

const ENTRY = new URL("./process.fixture.ts", import.meta.url).pathname;

function start(draining: Draining): Child {
  const child = new Child({ command: [process.execPath, ENTRY, draining], withInput: true });
  child.start();
  return child;
}

const says = (process: Child, word: string) => process.untilLine((line) => line.includes(word));

describe.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)("%s", (signal) => {
  test("drains and exits 0", async () => {
    await using process = start("at once");
    await says(process, "up");
    process.signal(signal);
    await says(process, "drained");
    expect((await process.ended).code).toBe(0);
  });

  test("during the start ends it at once, with 0", async () => {
    await using process = start("starting");
    await says(process, "up");
    process.signal(signal);
    expect(await process.ended).toEqual({ code: 0, signal: null });
  });

  test("before there is anything that drains, but too late to leave, drains then", async () => {
    await using process = start("held");
    await says(process, "up");
    process.signal(signal);
    process.endInput();
    await says(process, "drained");
    expect((await process.ended).code).toBe(0);
  });

  test("a second time exits at once, with 1", async () => {
    await using process = start("never");
    await says(process, "up");
    process.signal("SIGTERM");
    await says(process, "draining");
    process.signal(signal);
    expect((await process.ended).code).toBe(1);
  });
});

test("a drain that takes longer than 4.8 s is given up, with exit 1", async () => {
  await using process = start("never");
  await says(process, "up");
  process.signal("SIGTERM");
  await says(process, "not drained within 4800 ms");
  expect((await process.ended).code).toBe(1);
});

test("a SIGHUP that whoever started the process wants ignored, as nohup does, ends nothing", async () => {
  const command = `trap '' HUP; exec "$0" "$1" "at once"`;
  await using child = new Child({ command: ["bash", "-c", command, process.execPath, ENTRY] });
  child.start();
  await says(child, "up");
  child.signal("SIGHUP");
  child.signal("SIGTERM");
  expect(await child.ended).toEqual({ code: 0, signal: null });
  expect(child.lines.find((line) => line !== "up")).toContain("SIGTERM");
});
