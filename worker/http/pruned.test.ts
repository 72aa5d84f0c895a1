import { expect, test } from "bun:test";
import { runHttp } from "./server.fixture.ts";

const AT_MS = Date.UTC(2025, 6, 15, 12, 0, 0);

test("a window that reaches back into pruned payments is refused, until a purge begins sums anew", async () => {
  await using http = runHttp({ prunedBeforeMs: AT_MS });
  http.ledger.append(AT_MS - 1, 100, 0);
  http.ledger.append(AT_MS, 1_990, 0);
  const from = (atMs: number) => `?from=${new Date(atMs).toISOString()}`;
  const at = "2025-07-15T12:00:00.000Z";
  const refused = {
    status: 409,
    detail: `Sums are exact from ${at} on: payments that were settled before may have been pruned. Ask from=${at}.`,
  };
  for (const path of [
    "/payments-summary",
    `/payments-summary${from(AT_MS - 1)}`,
    `/dashboard/curve${from(AT_MS - 1)}`,
  ]) {
    const response = await http.call("GET", path);
    expect(await response.json()).toMatchObject(refused);
  }
  const exact = await http.call("GET", `/payments-summary${from(AT_MS)}`);
  expect(await exact.json()).toMatchObject({ default: { totalRequests: 1, totalAmount: 19.9 } });
  // A curve names its bounds: it begins where sums do.
  const curve = await http.call("GET", "/dashboard/curve");
  expect(await curve.json()).toMatchObject({ from: at, buckets: [{ cents: [1_990] }] });
  http.ledger.purge();
  expect((await http.call("GET", "/payments-summary")).status).toBe(200);
});
