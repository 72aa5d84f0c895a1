/**
 * The least that a settling loop can do, as a baseline in a process of its own: posts payments to the
 * processors in turn, so many at a time, and remembers nothing. `bun bench/bare-client.ts '<plan>'`.
 */
import type { ClientPlan, ClientReport } from "./system/charges.ts";

async function run({ urls, inFlight, durationMs, warmupMs }: ClientPlan): Promise<ClientReport> {
  const requestedAt = new Date().toISOString();
  const startMs = performance.now();
  const fromMs = startMs + warmupMs;
  const toMs = fromMs + durationMs;
  const report = { accepted: 0, others: 0, measured: 0 };
  const loop = async (url: string) => {
    while (performance.now() < toMs) {
      const body = `{"correlationId":"${crypto.randomUUID()}","amount":19.90,"requestedAt":"${requestedAt}"}`;
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${url}/payments`, { method: "POST", headers, body });
      await response.text();
      const nowMs = performance.now();
      if (response.status === 200) report.accepted++;
      else report.others++;
      if (nowMs >= fromMs && nowMs < toMs) report.measured++;
    }
  };
  await Promise.all(urls.flatMap((url) => Array.from({ length: inFlight }, () => loop(url))));
  return { ...report, perSecond: (report.measured / durationMs) * 1_000 };
}

process.stdout.write(`${JSON.stringify(await run(JSON.parse(process.argv[2] as string)))}\n`);
