import { expect, test } from "bun:test";
import { createLog } from "../shared/log.ts";
import { systemClock } from "../shared/clock.ts";
import { openUdpServer } from "../shared/link.ts";
import { payment } from "../shared/link/link.fixture.ts";
import { SHARDS } from "../shared/shards.ts";
import type { Verdict } from "../shared/verdict.ts";
import { until } from "../testing/until.ts";
import { openWorkers } from "./workers.ts";

const SILENT = createLog("test", "silent");
const ALL = Array.from({ length: SHARDS }, (_, shard) => shard);
const HOST = "127.0.0.1";

type Told = { version: number; workers: object[] } | null;

/** Both ports of a worker on loopback, which takes payments and tells a map as a test says. */
async function startWorker() {
  const taken: string[] = [];
  const site = {
    taken,
    verdict: { kind: "stored" } as Verdict,
    map: null as Told,
    asked: 0,
    link: "",
    http: "",
    [Symbol.asyncDispose]: async () => {
      udp.close();
      await web.stop(true);
    },
  };
  const settings = { LINK_HOST: HOST, LINK_PORT: 0, LINK_SECRET: null };
  const udp = await openUdpServer(settings, SILENT, ({ correlationId }, answer) => {
    taken.push(correlationId);
    answer(site.verdict);
  });
  const web = Bun.serve({
    hostname: HOST,
    port: 0,
    fetch: ({ url }) => {
      site.asked++;
      if (!url.endsWith("/cluster") || site.map === null) return new Response("", { status: 404 });
      return Response.json(site.map);
    },
  });
  site.link = `${HOST}:${udp.port}`;
  site.http = `http://${HOST}:${web.port}`;
  return site;
}
type Site = Awaited<ReturnType<typeof startWorker>>;

const open = (...sites: Site[]) =>
  openWorkers(
    {
      WORKER_LINK: sites.map(({ link }) => at(link)) as never,
      WORKER_HTTP: sites.map(({ http }) => http) as never,
      LINK_SECRET: null,
      ACK_TIMEOUT_MS: 5_000,
    },
    systemClock,
    SILENT,
  );
const at = (link: string) => ({ host: HOST, port: Number(link.split(":")[1]) });
const all = ({ link, http }: Site) => ({ name: "w", link, http, shards: ALL });
const none = (site: Site) => ({ ...all(site), shards: [] });

test("one worker with a file is never asked for a map", async () => {
  await using one = await startWorker();
  const workers = await open(one);
  expect(await workers.pay(payment(1))).toEqual({ kind: "stored" });
  expect(workers.known()).toMatchObject([{ address: one.link, http: one.http }]);
  expect(workers.origins()).toEqual([one.http]);
  expect(one.asked).toBe(0);
  workers.close();
});

test("payments follow the map; who is in it is known, and asked first when it answers", async () => {
  await using a = await startWorker();
  await using b = await startWorker();
  a.map = b.map = { version: 1, workers: [none(a), all(b)] };
  const workers = await open(a, b);
  expect(workers.known()).toEqual([]);
  expect(workers.answering).toBe(false);
  expect(await workers.pay(payment(1))).toEqual({ kind: "stored" });
  expect([a.taken.length, b.taken.length]).toEqual([0, 1]);
  expect(workers.known().map(({ address }) => address)).toEqual([b.link]);
  expect(workers.answering).toBe(true);
  expect(workers.origins()).toEqual([b.http, a.http]);
  expect(workers.traffic.framesSent).toBeGreaterThan(0);
  // It has given its shards away, and says so.
  b.verdict = { kind: "elsewhere", mapVersion: 2 };
  a.map = b.map = { version: 2, workers: [all(a), none(b)] };
  expect(await workers.pay(payment(2))).toEqual({ kind: "stored" });
  expect(a.taken).toHaveLength(1);
  workers.close();
});

test("a worker that one address leads to names the others, and a link to each is opened", async () => {
  await using a = await startWorker();
  await using b = await startWorker();
  a.verdict = { kind: "elsewhere", mapVersion: 1 };
  a.map = { version: 1, workers: [none(a), all(b)] };
  const workers = await open(a);
  expect(await workers.pay(payment(1))).toEqual({ kind: "stored" });
  expect(b.taken).toHaveLength(1);
  expect(workers.known().map(({ address }) => address)).toEqual([b.link]);
  workers.close();
});

test("workers without a map are sent nothing, and what waits is answered when the API goes", async () => {
  await using a = await startWorker();
  await using b = await startWorker();
  const workers = await open(a, b);
  const verdict = workers.pay(payment(1));
  await until("both are asked", () => a.asked > 1 && b.asked > 1);
  workers.close();
  expect(await verdict).toMatchObject({ kind: "busy" });
  expect([...a.taken, ...b.taken]).toEqual([]);
});

test("addresses of links and of HTTP have to be as many", async () => {
  await using a = await startWorker();
  const WORKER_LINK = [at(a.link), at(a.link)] as const;
  const settings = { WORKER_LINK, WORKER_HTTP: [a.http] as const, LINK_SECRET: null };
  const opening = openWorkers({ ...settings, ACK_TIMEOUT_MS: 100 }, systemClock, SILENT);
  expect(opening).rejects.toThrow("WORKER_HTTP: it is of 1, and WORKER_LINK of 2");
});
