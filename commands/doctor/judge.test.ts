import { expect, test } from "bun:test";
import { join } from "node:path";
import { judgeHaproxy, timeoutsIn } from "./haproxy.ts";
import {
  judgeClock,
  judgeDescriptors,
  judgePortRange,
  judgePortReuse,
  judgeProxy,
  judgePurge,
  judgeReceiveBuffer,
  judgeSecret,
  judgeSpace,
  judgeSync,
} from "./judge.ts";

const GIB = 2 ** 30;
const disk = (p50Ms: number, isMemory = false) => ({ directory: "/d", isMemory, p50Ms, p99Ms: 1 });
const NEW = { path: "/d/payments.db", exists: false };
const clock = (stepMs: number, synchronised: boolean | null) =>
  judgeClock({ stepMs, watchedMs: 500, synchronised });

test.each([
  [judgeReceiveBuffer(4_194_304), "ok"],
  [judgeReceiveBuffer(212_992), "warning"],
  [judgeReceiveBuffer(null), "warning"],
  [judgeSync(disk(0.2), "full", NEW), "ok"],
  [judgeSync(disk(30), "full", NEW), "warning"],
  [judgeSync(disk(300), "full", NEW), "wrong"],
  [judgeSync(disk(0.01, true), "full", NEW), "wrong"],
  [judgeSync(disk(0.01, true), "normal", NEW), "warning"],
  [judgeSync(disk(0.2), "off", NEW), "warning"],
  [judgeSync("/d cannot be written", "full", NEW), "wrong"],
  [judgeSpace(50 * GIB, "/d", NEW), "ok"],
  [judgeSpace(GIB, "/d", NEW), "warning"],
  [judgeSpace(50 * GIB, "/d", NEW, 20 * GIB), "ok"],
  [judgeSpace(50 * GIB, "/d", NEW, 51 * GIB), "wrong"],
  [judgeSpace(1_000, "/d", NEW), "wrong"],
  [judgeSpace(null, "/d", NEW), "warning"],
  [clock(0.5, true), "ok"],
  [clock(0.5, null), "ok"],
  [clock(0.5, false), "warning"],
  [clock(-900, true), "warning"],
  [judgeDescriptors(65_536, 1_280), "ok"],
  [judgeDescriptors(1_024, 1_280), "wrong"],
  [judgeDescriptors(null, 1_280), "warning"],
  [judgePortRange([1_024, 65_535]), "ok"],
  [judgePortRange([50_000, 60_000]), "warning"],
  [judgePortRange(null), "warning"],
  [judgePortReuse(1, false), "ok"],
  [judgePortReuse(2, true), "ok"],
  [judgePortReuse(2, false), "warning"],
  [judgePortReuse(0, true), "warning"],
  [judgePortReuse(null, true), "warning"],
  [judgeSecret("127.0.0.1", "loopback", null), "ok"],
  [judgeSecret("127.0.0.1", "loopback", ["short"]), "ok"],
  [judgeSecret("10.0.0.1", "private", null), "warning"],
  [judgeSecret("10.0.0.1", "private", ["fifteen letters"]), "wrong"],
  [judgeSecret("0.0.0.0", "public", null), "wrong"],
  [judgeSecret("0.0.0.0", "public", ["sixteen letters."]), "ok"],
  [judgeSecret("10.0.0.1", "private", ["sixteen letters.", "old and short"]), "wrong"],
  [judgeSecret("nowhere", "unresolved", ["sixteen letters."]), "wrong"],
  [judgePurge(false, false), "ok"],
  [judgePurge(true, true), "ok"],
  [judgePurge(true, false), "warning"],
  [judgeProxy(null), "ok"],
  [judgeProxy("http_proxy"), "wrong"],
] as const)("%p is %s", (finding, verdict) => {
  expect(finding.verdict).toBe(verdict);
  // A finding that needs mending has the line that mends it, unless nothing could be read.
  const cannotBeRead = /cannot|can't/.test(finding.figure) && verdict === "warning";
  expect(finding.fix === null).toBe(verdict === "ok" || cannotBeRead);
});

test("the load balancer's timeouts are read from every section, without comments", () => {
  const config = `
defaults
    timeout server 10s # timeout server 1s
    timeout connect 500ms
    default-server inter 1s pool-purge-delay 2m
backend events
    timeout server 1h
    # timeout client 1s
`;
  expect(Object.fromEntries(timeoutsIn(config))).toEqual({
    server: [10_000, 3_600_000],
    connect: [500],
    "pool-purge-delay": [120_000],
  });
  const verdicts = judgeHaproxy(config, 1_000).map(({ name, verdict }) => [name, verdict]);
  expect(Object.fromEntries(verdicts)).toEqual({
    "load balancer: timeout server": "ok",
    "load balancer: timeout connect": "ok",
    "load balancer: timeout client": "warning",
    "load balancer: timeout http-request": "warning",
    "load balancer: idle connections": "wrong",
  });
});

test("a load balancer that gives up before the API does is wrong", () => {
  const [server] = judgeHaproxy("defaults\n timeout server 10s\n", 20_000);
  expect(server).toMatchObject({ verdict: "wrong", fix: "timeout server 21s" });
});

test("the load balancer's file of this project fits", async () => {
  const config = await Bun.file(join(import.meta.dir, "../../haproxy.cfg")).text();
  const notOk = judgeHaproxy(config, 1_000).filter(({ verdict }) => verdict !== "ok");
  expect(notOk).toEqual([]);
});

test("a journal that is there is never left behind by what doctor advises", () => {
  const journal = { path: "/d/payments.db", exists: true };
  const fixes = [
    judgeSpace(1_000, "/d", journal),
    judgeSync("/d is full: ENOSPC: no space left on device", "full", journal),
    judgeSync("/d cannot be written: EROFS", "full", journal),
    judgeSync(disk(300), "full", journal),
    judgeSync(disk(0.01, true), "full", journal),
  ].map(({ fix }) => fix);
  const moving = "stop the worker, move payments.db, -wal and -shm to ";
  for (const fix of fixes) expect(fix).toContain(moving);
  for (const fix of fixes.slice(0, 2)) expect(fix).toStartWith("df -h /d  # make room; or ");
  expect(judgeSpace(1_000, "/d", NEW).fix).toBe(
    "df -h /d  # make room; or JOURNAL=sqlite:/where/there/is/room/payments.db",
  );
});

test("a size is said in a unit that leaves something of it", () => {
  expect(judgeSpace(50 * GIB, "/d", NEW, 3 * 2 ** 20).figure).toBe(
    "50.0 GiB free in /d; the journal grows by 3.0 MiB a day",
  );
});
