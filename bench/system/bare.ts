/** Bare servers, alike and side by side, as baselines: they parse, or wait for an echo by a second process as well. */
import type { Sum } from "../../testing/gateway.ts";
import type { Checks } from "../benchmark.ts";
import { startBare } from "./children.ts";
import { totalOf } from "./sums.ts";

export type BareKind = "parse" | "hop";

/** `await using` it. */
export async function startBares(kind: BareKind, servers: number) {
  await using ends = new AsyncDisposableStack();
  const echo = kind === "hop" ? await startBare("bench/bare-echo.ts") : null;
  ends.use(echo?.child ?? null);
  const echoPort = echo === null ? [] : [String(echo.said["port"])];
  const start = () => startBare("bench/bare-server.ts", ...echoPort);
  const bares = await Promise.all(Array.from({ length: servers }, start));
  for (const { child } of bares) ends.use(child);
  const urls = bares.map(({ said }) => String(said["url"]));
  const held = ends.move();
  return {
    ports: urls.map((url) => Number(new URL(url).port)),
    pids: bares.map(({ child }) => child.pid),
    echoPids: echo === null ? [] : [echo.child.pid],
    /** Compares what all of them saw. */
    async audit(accepted: Sum, checks: Checks): Promise<void> {
      const seen = urls.map(async (url) => (await (await fetch(`${url}/seen`)).json()) as Sum);
      checks.equal("what the bare servers saw", totalOf(await Promise.all(seen)), accepted);
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
