import { expect, test } from "bun:test";
import { run } from "../testing/process.ts";

const ENTRY = new URL("./log.fixture.ts", import.meta.url).pathname;

/** Gives the process's exit code and its output, its stdout being what `redirect` makes of it. */
async function log(lines: number, redirect: string) {
  const command = `exec "$0" "$1" ${lines} ${redirect}`;
  const { err, code } = await run(["bash", "-c", command, process.execPath, ENTRY]);
  return { said: err, exitCode: code };
}

test("a full disk loses lines, counts them and ends nothing", async () => {
  expect(await log(3, "> /dev/full")).toEqual({ said: "lost 3\n", exitCode: 0 });
});

test("so does a reader that went away", async () => {
  const { said, exitCode } = await log(2_000, "> >(head -c 1 > /dev/null)");
  expect(exitCode).toBe(0);
  expect(Number(said.split(" ")[1])).toBeGreaterThan(0);
});

test("a reader that never reads holds up nobody", async () => {
  // The lines are more than a pipe and its waiting line hold.
  const { said, exitCode } = await log(2_000, "> >(exec sleep 60 > /dev/null 2>&-)");
  expect(exitCode).toBe(0);
  expect(Number(said.split(" ")[1])).toBeGreaterThan(500);
});

test("a closed stdout ends nothing", async () => {
  expect((await log(3, ">&-")).exitCode).toBe(0);
});

test("a reader that reads gets every line", async () => {
  const { out, err } = await run([process.execPath, ENTRY, "3000"]);
  const lines = out.trimEnd().split("\n");
  const numbers = lines.map((line) => (JSON.parse(line) as { line?: number }).line);
  const said = Number(err.split(" ")[1]);
  expect(numbers.filter((number) => number !== undefined).length + said).toBe(3_000);
});
