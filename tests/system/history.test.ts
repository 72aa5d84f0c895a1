/** The last 24 hours over `kill -9` of a real worker, asked at an API; and what a bad file costs a start. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { ToldHistory } from "../../shared/http-api/history.ts";
import type { LiveSnapshot } from "../../shared/http-api/live.ts";
import { Stack } from "../../testing/stack.ts";
import { until } from "../../testing/until.ts";

async function read<T>({ gateway }: Stack, path: string): Promise<T> {
  return (await (await fetch(`${gateway.url}${path}`)).json()) as T;
}

/** Posts payments until live figures say so. */
async function payUntil(stack: Stack, what: string, isSo: (told: LiveSnapshot) => boolean) {
  await until(what, async () => {
    await stack.gateway.pay(crypto.randomUUID(), 1_990);
    return isSo(await read<LiveSnapshot>(stack, "/dashboard/live?once"));
  });
}

const acceptedIn = ({ minutes }: ToldHistory) =>
  minutes.reduce((sum, row) => sum + row.accepted, 0);

test("a worker that is killed goes on with the minutes, incidents and breakers of the one before", async () => {
  await using stack = await Stack.start();
  const file = `${stack.journalPath}-history`;
  const kept = () => JSON.parse(readFileSync(file, "utf8")) as ToldHistory;
  const [preferred] = stack.processors;
  await until("the gateway is ready", () => stack.gateway.isReady());
  const isOpen = ({ incidents }: LiveSnapshot | ToldHistory) => incidents[0]?.ended === null;
  await preferred!.setFailure(true);
  await payUntil(stack, "the breaker is open", isOpen);
  await preferred!.heal();
  await payUntil(stack, "it is closed", (told) => !isOpen(told));
  // Half-open counts as open; what comes back soon is the same incident.
  await preferred!.setFailure(true);
  await payUntil(stack, "it is open again", isOpen);
  const closings = (told: ToldHistory) => told.changes.filter(({ to }) => to === "closed").length;
  await until("that is on disk", () => {
    return existsSync(file) && isOpen(kept()) && closings(kept()) === 1;
  });
  const before = kept();
  await stack.worker.kill();
  await preferred!.heal();
  await stack.worker.startAndWait();

  const { incidents } = await read<LiveSnapshot>(stack, "/dashboard/live?once");
  const about = {
    incident: "breaker-open",
    processor: "default",
    message: "the breaker is open",
  };
  const [last] = before.incidents;
  expect(last).toMatchObject({ ...about, ended: null, cutShort: false });
  expect(incidents).toContainEqual({ ...last!, ended: before.at, cutShort: true });
  const after = await read<ToldHistory>(stack, "/dashboard/history");
  expect(after.incidents).toEqual(incidents);
  expect(after.changes.slice(0, before.changes.length)).toEqual([...before.changes]);
  expect(after.minutes.slice(0, before.minutes.length)).toEqual([...before.minutes]);
  expect(acceptedIn(before)).toBeGreaterThan(0);
  await payUntil(stack, "a second has passed", ({ seconds }) => seconds.length > 1);
  const later = await read<ToldHistory>(stack, "/dashboard/history");
  expect(later.minutes.length).toBe(before.minutes.length + 1);
  expect(acceptedIn(later)).toBeGreaterThan(acceptedIn(before));

  await stack.worker.kill();
  writeFileSync(file, readFileSync(file).subarray(0, -9));
  await stack.worker.startAndWait();
  const said = stack.worker.lines.filter((line) => line.includes("the history is begun anew"));
  expect(said.map((line) => JSON.parse(line) as object)).toMatchObject([
    { level: 40, file, aside: `${file}.damaged`, process: "worker-http" },
  ]);
  expect((await read<ToldHistory>(stack, "/dashboard/history")).minutes.length).toBeLessThan(2);
  expect(await stack.gateway.pay(crypto.randomUUID(), 1_990)).toBe(202);
});
