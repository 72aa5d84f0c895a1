/** A journal is lost under load, and an older copy put in its place: nothing is charged twice. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { cpSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import type { AuditReport } from "../../shared/http-api/audit.ts";
import { eachOf } from "../../testing/each.ts";
import type { ProcessorAdmin } from "../../testing/processor-admin.ts";
import { run } from "../../testing/process.ts";
import { fromSource } from "../../testing/programs.ts";
import { processorsAt, siteFor, Stack } from "../../testing/stack.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { until } from "../../testing/until.ts";

const CENTS = 1_990;
const idsOf = (count: number) => Array.from({ length: count }, () => crypto.randomUUID());

async function command(stack: Stack, ...args: string[]) {
  const env = { ...stack.worker.env, USER: "ana" };
  return run(fromSource("worker.ts", ...args), { env });
}

/** Every charge that a processor has recorded, by id. */
async function chargesOf(stack: Stack): Promise<string[][]> {
  const books = await Promise.all(stack.processors.map((one) => one.payments()));
  return books.map((book) => book.map(({ correlationId }) => correlationId));
}

async function areCharged(stack: Stack, ids: readonly string[]): Promise<boolean> {
  const charged = new Set((await chargesOf(stack)).flat());
  return ids.every((id) => charged.has(id));
}

/** Throws the journal away, and puts a copy in its place as one that was restored. */
function restore(stack: Stack, copy: string): void {
  const { journalPath } = stack;
  for (const rest of ["", "-wal", "-shm", "-lock", "-trouble"]) {
    rmSync(journalPath + rest, { force: true });
  }
  cpSync(copy, journalPath);
  const db = new Database(journalPath);
  db.run("INSERT INTO meta VALUES ('restored_at_ms', ?)", [Date.now()]);
  db.close();
}

test("an older copy of a journal that is lost under load: what is repeated settles once, the rest is told", async () => {
  await using stack = new Stack(await siteFor({}));
  using backups = temporaryDirectory(dirname(stack.site.dataDir));
  const PROCESSORS = processorsAt(
    stack.processors.map(({ url }) => url),
    ";audit-token=123",
  );
  const impatient = { PROCESSOR_TIMEOUT_MS: "300", PATIENCE_MS: "1000" };
  stack.configure({ ADMIN_TOKEN: "token", ...impatient, PROCESSORS });
  await stack.startAll();
  await until("the gateway is ready", () => stack.gateway.isReady());
  const [preferred, dearer] = stack.processors as [ProcessorAdmin, ProcessorAdmin];
  const pay = (id: string) => stack.gateway.pay(id, CENTS);

  const areSettled = (ids: readonly string[]) => () => stack.gateway.areSettled(ids);
  const [early, late, forgotten] = [idsOf(80), idsOf(80), idsOf(7)];
  // A "nothing" is only believed of a processor at which the copy has a payment settled.
  await eachOf(early.slice(0, 1), pay);
  await until("the preferred one has settled one", areSettled(early.slice(0, 1)));
  await preferred.setFailure(true);
  await eachOf(early.slice(1, 2), pay);
  await until("the dearer one has settled one", areSettled(early.slice(1, 2)));
  await eachOf(early.slice(2, 40), pay);
  await preferred.heal();
  await dearer.setFailure(true);
  // Some of the copy's payments are recorded, and nobody has heard of it.
  await preferred.setFaults({ answerLost: 0.3, errorWithInsert: 0.3 });
  await eachOf(early.slice(40), pay);
  const db = new Database(stack.journalPath, { readonly: true });
  db.run("VACUUM INTO ?", [backups.file()]);
  db.close();

  // The preferred one, which would take them again, has never seen these.
  await preferred.heal();
  await preferred.setFailure(true);
  await dearer.heal();
  await eachOf(late.slice(0, 40), pay);
  await until("they were charged", () => areCharged(stack, late.slice(0, 40)));
  await preferred.heal();
  await preferred.setFaults({ hang: 0.1, hangInserts: true, answerLost: 0.2 });
  await dearer.setFailure(true);
  await eachOf(forgotten, pay);
  await until("what is forgotten was charged", () => areCharged(stack, forgotten));
  const underLoad = eachOf(late.slice(40), pay);
  await Bun.sleep(20);
  await stack.worker.kill();
  restore(stack, backups.file());
  await preferred.heal();
  await dearer.heal();
  await dearer.setDown(true);
  await stack.worker.startAndWait();
  await underLoad;

  await until("the gateway is ready", () => stack.gateway.isReady());
  const before = await chargesOf(stack);
  const repeated = [...early, ...late];
  const verdicts = await eachOf(repeated, pay);
  expect(verdicts.filter((status) => status !== 202)).toEqual([]);
  const waiting = 'papaleguas_cautious_waiting{processor="fallback"}';
  await until("payments wait for the one that cannot be asked", async () => {
    return Number(await stack.workerHttp.metric(waiting)) > 0;
  });
  expect(await stack.workerHttp.metric("papaleguas_journal_cautious")).toBe("1");
  // Nothing that is new by then was charged.
  expect((await chargesOf(stack))[0]).toEqual(before[0] as string[]);
  await dearer.setDown(false);
  await until("all that was repeated is settled", areSettled(repeated));

  const charged = (await chargesOf(stack)).flat();
  expect(charged.length).toBe(new Set(charged).size);
  expect(charged.toSorted()).toEqual([...repeated, ...forgotten].toSorted());
  const summary = Object.values(await stack.gateway.summary(null));
  expect(summary.reduce((sum, { count }) => sum + count, 0)).toBe(repeated.length);
  for (const said of [
    "this journal was restored from a copy",
    '"a processor cannot be asked what it has charged',
    '"over: a processor cannot be asked',
  ]) {
    await until(`the worker says ${said}`, () =>
      stack.worker.lines.some((line) => line.includes(said)),
    );
  }

  // Nothing is under way, so that the audit need not leave out what might be.
  const audit = await command(stack, "audit", "--json", "--to", new Date().toISOString());
  const cents = forgotten.length * CENTS;
  const { restored } = JSON.parse(audit.out) as AuditReport;
  expect(audit.code).toBe(1);
  expect(restored).toMatchObject({ payments: forgotten.length, cents });
  const said = (await command(stack, "audit")).out;
  expect(said).toStartWith("The journal was restored from a copy at ");
  expect(said).not.toContain("DRIFT");

  await until("the worker tells the gap as what it is", () => {
    return stack.worker.lines.some((line) => line.includes('"audit: the gap of the restore"'));
  });
  const trusted = await command(stack, "operator", "trust-journal", "--why", "all is repeated");
  expect(trusted).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^Nothing is asked for first/),
  });
  expect(await stack.workerHttp.metric("papaleguas_journal_cautious")).toBe("0");
  const [again] = idsOf(1);
  expect(await pay(again!)).toBe(202);
  await until("it is settled", async () => (await stack.gateway.stateOf(again!)) === "settled");
  expect((await command(stack, "operator", "trust-journal", "--why", "once more")).code).toBe(1);
});

test("a proxy that answers 404 to everything is not believed, and an operator cannot be taken in by it", async () => {
  await using stack = new Stack(await siteFor({}));
  using backups = temporaryDirectory(dirname(stack.site.dataDir));
  const [preferred, dearer] = stack.processors as [ProcessorAdmin, ProcessorAdmin];
  let isAway = false;
  await using proxy = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      if (isAway) return new Response("<h1>no such backend</h1>", { status: 404 });
      const { pathname, search } = new URL(request.url);
      const { method, headers } = request;
      const body = method === "POST" ? await request.text() : null;
      return fetch(dearer.url + pathname + search, { method, headers, body });
    },
  });
  const PROCESSORS = processorsAt([preferred.url, `http://127.0.0.1:${proxy.port}`]);
  const impatient = { PROCESSOR_TIMEOUT_MS: "500", PATIENCE_MS: "1000" };
  stack.configure({ ADMIN_TOKEN: "token", ...impatient, PROCESSORS });
  await stack.startAll();
  await until("the gateway is ready", () => stack.gateway.isReady());
  const pay = (id: string) => stack.gateway.pay(id, CENTS);
  const areSettled = (ids: readonly string[]) => () => stack.gateway.areSettled(ids);
  const [[here], [there], [gap], [fresh]] = [idsOf(1), idsOf(1), idsOf(1), idsOf(1)] as [
    [string],
    [string],
    [string],
    [string],
  ];
  await pay(here);
  await until("the preferred one has settled one", areSettled([here]));
  await preferred.setFailure(true);
  await pay(there);
  await until("the dearer one has settled one", areSettled([there]));
  expect((await command(stack, "backup", backups.file())).code).toBe(0);
  await pay(gap);
  await until("the dearer one has settled what is not in the copy", areSettled([gap]));
  await stack.worker.stop();
  expect((await command(stack, "restore", backups.file())).code).toBe(0);

  isAway = true;
  await preferred.heal();
  await stack.worker.startAndWait();
  await until("the gateway is ready", () => stack.gateway.isReady());
  expect(await eachOf([gap, fresh], pay)).toEqual([202, 202]);
  const said = `it does not know ${there}, which it has settled`;
  await until("it says why the dearer one is not believed", () =>
    stack.worker.lines.some((line) => line.includes("cannot-ask") && line.includes(said)),
  );
  const absent = await command(stack, "operator", "absent", gap, "--why", "x", "--evidence", "y");
  expect(absent).toMatchObject({ code: 1, err: expect.stringContaining(said) });
  expect((await chargesOf(stack)).flat().toSorted()).toEqual([here, there, gap].toSorted());

  isAway = false;
  await until("both are settled", areSettled([gap, fresh]));
  expect((await chargesOf(stack)).flat().toSorted()).toEqual([here, there, gap, fresh].toSorted());
});
