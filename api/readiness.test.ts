import { expect, test } from "bun:test";
import type { Readiness } from "../shared/http-api/readiness.ts";
import { problemOf } from "../shared/problem.fixture.ts";
import { runApi, startFakeWorker } from "./server.fixture.ts";

test("every reason is named as JSON, and a secret that is known to be another one", async () => {
  const meant = (...instances: number[]) => [{ code: "link-secret", detail: "…", instances }];
  const fails = [{ code: "journal-fails", detail: "the journal fails: disk fails" }];
  let said: Readiness = { reasons: fails, warnings: meant(3, 7) };
  await using worker = startFakeWorker(() => Response.json({ ready: false, ...said }));
  await using api = runApi(worker.url);
  const all = async () => {
    const response = await api.call("GET", "/readyz?verbose");
    return [response.status, await response.json()];
  };
  const journal = "The worker is not ready: the journal fails: disk fails.";
  const reasons = [{ code: "journal-fails", detail: journal }];
  expect(await all()).toEqual([503, { ready: false, reasons, warnings: [] }]);
  api.link.answering = false;
  expect(await all()).toMatchObject([
    503,
    { reasons: [{ code: "journal-fails" }, { code: "link-secret" }] },
  ]);
  said = { reasons: [], warnings: meant(3, 7) };
  expect(await problemOf(await api.call("GET", "/readyz"))).toStartWith(
    "LINK_SECRET is not the worker's",
  );
  // Another process is meant: what is known of this one is its silence.
  said = { reasons: [], warnings: meant(3) };
  expect(await all()).toMatchObject([503, { reasons: [{ code: "worker-silent" }] }]);
  api.link.answering = true;
  expect(await all()).toEqual([200, { ready: true, reasons: [], warnings: [] }]);
  expect(worker.seen.every(({ target }) => target === "/readyz?verbose")).toBe(true);
  expect((await api.call("GET", "/readyz?verbos")).status).toBe(400);
});

test("a worker that answers over the link alone is a warning", async () => {
  await using api = runApi();
  const response = await api.call("GET", "/readyz?verbose");
  expect(await response.json()).toMatchObject({
    ready: true,
    warnings: [{ code: "worker-http" }],
  });
});
