import { expect, test } from "bun:test";

const ENTRY = new URL("./log.fixture.ts", import.meta.url).pathname;

/** The process's exit code and what it says, its stdout being what `redirect` makes of it. */
async function run(lines: number, redirect: string) {
  const command = `exec "$0" "$1" ${lines} ${redirect}`;
  const child = Bun.spawn(["bash", "-c", command, process.execPath, ENTRY], {
    stdout: "ignore",
    stderr: "pipe",
  });
  const said = await new Response(child.stderr).text();
  return { said, exitCode: await child.exited };
}

test("a full disk loses lines, counts them and ends nothing", async () => {
  expect(await run(3, "> /dev/full")).toEqual({ said: "lost 3\n", exitCode: 0 });
});

test("so does a reader that went away", async () => {
  const { said, exitCode } = await run(2_000, "> >(head -c 1 > /dev/null)");
  expect(exitCode).toBe(0);
  expect(Number(said.split(" ")[1])).toBeGreaterThan(0);
});

test("a reader that never reads holds up nobody", async () => {
  // More than a pipe and what may wait for it hold.
  const { said, exitCode } = await run(2_000, "> >(exec sleep 60 2>&-)");
  expect(exitCode).toBe(0);
  expect(Number(said.split(" ")[1])).toBeGreaterThan(500);
});

test("a closed stdout ends nothing", async () => {
  expect((await run(3, ">&-")).exitCode).toBe(0);
});

test("a reader that reads gets every line", async () => {
  const child = Bun.spawn([process.execPath, ENTRY, "3000"], { stdout: "pipe", stderr: "pipe" });
  const lines = (await new Response(child.stdout).text()).trimEnd().split("\n");
  const numbers = lines.map((line) => (JSON.parse(line) as { line?: number }).line);
  const said = Number((await new Response(child.stderr).text()).split(" ")[1]);
  expect(numbers.filter((number) => number !== undefined).length + said).toBe(3_000);
});
