/** Gives one API of two another LINK_SECRET, and asks everybody who may be asked what is wrong. */
import { expect, test } from "bun:test";
import type { LiveSnapshot } from "../../shared/http-api/live.ts";
import type { Readiness } from "../../shared/http-api/readiness.ts";
import type { GatewayClient } from "../../testing/gateway.ts";
import { run, type Child } from "../../testing/process.ts";
import { fromSource } from "../../testing/programs.ts";
import { siteFor, Stack } from "../../testing/stack.ts";
import { until } from "../../testing/until.ts";

const SECRET = "a secret of the worker and one API alone";
const OTHER = "another secret, that one API was left with";

test("the API, the worker, the page and the doctor name it; it is over when it is mended", async () => {
  await using stack = new Stack(await siteFor({ apis: 2, env: { LINK_SECRET: SECRET } }));
  const [good, bad] = stack.apis as [Child, Child];
  const [well, ill] = stack.gateways as [GatewayClient, GatewayClient];
  good.env = { ...good.env, LINK_SECRET: SECRET };
  bad.env = { ...bad.env, LINK_SECRET: OTHER };
  await stack.startAll();
  await until("one is ready", () => well.isReady());

  const readiness = async (of: GatewayClient) => {
    const answer = await of.ask("/readyz?verbose");
    const told = (await answer.json()) as Readiness & { ready: boolean };
    return [answer.status, told] as const;
  };
  await until("the other says why it is not", async () => {
    const [, { reasons }] = await readiness(ill);
    return reasons[0]?.code === "link-secret";
  });
  expect(await readiness(ill)).toMatchObject([
    503,
    { ready: false, reasons: [{ code: "link-secret" }] },
  ]);
  expect(await readiness(well)).toEqual([200, { ready: true, reasons: [], warnings: [] }]);
  expect(await readiness(stack.workerHttp)).toMatchObject([
    200,
    { ready: true, reasons: [], warnings: [{ code: "link-secret" }] },
  ]);
  // Figures that are live are some moments old.
  await until("the page says so", async () => {
    const { kind, facts } = ((await well.live()) as LiveSnapshot).standing;
    return kind === "bad" && facts.map(({ code }) => code).join() === "link-secret";
  });

  const doctor = async (LINK_SECRET: string) =>
    (await run(fromSource("worker.ts", "doctor"), { env: { ...stack.worker.env, LINK_SECRET } }))
      .out;
  const beside = await doctor(SECRET);
  expect(beside).toMatch(/^wrong +secrets of APIs +frames .+ come from 127\.0\.0\.1$/m);
  expect(beside).toMatch(/^ok +LINK_SECRET at the worker +/m);
  expect(await doctor(OTHER)).toMatch(/^wrong +LINK_SECRET at the worker +the worker that runs/m);

  await bad.kill();
  bad.env = { ...bad.env, LINK_SECRET: SECRET };
  await bad.startAndWait();
  await until("both are ready", () => ill.isReady());
  await until("the sentence is gone", async () => {
    const { standing: now } = (await well.live()) as LiveSnapshot;
    return now.kind === "good";
  });
});
