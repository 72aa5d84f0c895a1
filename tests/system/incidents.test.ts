/** Incidents in the logs of real processes: a line when one begins, and one when it is over. */
import { expect, test } from "bun:test";
import type { Child } from "../../testing/process.ts";
import { siteFor, Stack } from "../../testing/stack.ts";
import { until } from "../../testing/until.ts";

/** Lines of one incident, as they stand in the log of a process. */
function linesOf(child: Child, incident: string): Record<string, unknown>[] {
  const lines = child.lines.filter((line) => line.includes(`"incident":"${incident}"`));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

function untilSaid(child: Child, incident: string, lines: number): Promise<number> {
  const what = `${child.name} has ${lines} lines of ${incident}`;
  return until(what, () => linesOf(child, incident).length >= lines);
}

test.concurrent(
  "an API with another secret: both sides say with whom, the worker also when it is over",
  async () => {
    await using stack = new Stack(await siteFor({ apis: 2 }));
    const other = stack.apis[1]!;
    other.env = { ...other.env, LINK_SECRET: "another secret of a test" };
    await stack.startAll();
    await Promise.all([
      untilSaid(stack.worker, "link-secret", 1),
      untilSaid(other, "worker-silent", 1),
    ]);
    await other.kill();
    await untilSaid(stack.worker, "link-secret", 2);
    const message = "frames with a wrong MAC: is LINK_SECRET the same there?";
    const about = { address: "127.0.0.1" };
    const [begun, over] = linesOf(stack.worker, "link-secret");
    expect(begun).toMatchObject({ ...about, level: 50, msg: message });
    expect(over).toMatchObject({ ...about, level: 30, msg: `over: ${message}`, times: 1 });
    expect(over!["durationMs"]).toBeGreaterThan(0);
    expect(over!["frames"]).toBeGreaterThan(0);
    expect(linesOf(other, "worker-silent")).toMatchObject([
      { level: 50, worker: other.env["WORKER_LINK"] },
    ]);
    expect(linesOf(stack.apis[0]!, "worker-silent")).toEqual([]);
  },
);

test.concurrent(
  "a worker that is gone: its API says it once, and how long it was and what that cost",
  async () => {
    await using stack = await Stack.start({ apiEnv: { ACK_TIMEOUT_MS: "1000" } });
    const [api] = stack.apis as [Child];
    await until("the gateway is ready", () => stack.gateway.isReady());
    await stack.worker.kill();
    await untilSaid(api, "worker-silent", 1);
    expect(await stack.gateway.pay(crypto.randomUUID(), 1_990)).toBe(503);
    await stack.worker.startAndWait();
    await untilSaid(api, "worker-silent", 2);
    const message = "the worker does not answer over the link";
    const [begun, over, ...more] = linesOf(api, "worker-silent");
    expect(more).toEqual([]);
    expect(begun).toMatchObject({ level: 50, worker: api.env["WORKER_LINK"], msg: message });
    expect(over).toMatchObject({ level: 30, msg: `over: ${message}`, unanswered: 1, times: 1 });
    expect(over!["durationMs"]).toBeGreaterThan(0);
  },
);
