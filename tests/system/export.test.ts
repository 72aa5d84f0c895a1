/**
 * `worker export` as a process: beside a worker that takes payments and from a copy, into a file, a pipe
 * that nobody reads on, and one that is read slowly. Its sums are those of the summary.
 */
import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { decimalFromCents } from "../../shared/money.ts";
import { run } from "../../testing/process.ts";
import { bareEnv, fromSource } from "../../testing/programs.ts";
import { siteFor, Stack } from "../../testing/stack.ts";
import { temporaryFile } from "../../testing/temporary.ts";
import { until } from "../../testing/until.ts";
import { AT_MS, assigned, NAMES, settle, uuid } from "../../worker/journal/journal.fixture.ts";
import { writeHistory } from "../../worker/journal/prune.fixture.ts";
import { SqliteStore } from "../../worker/journal/store.ts";

const HEAD = "correlationId,reference,amount,processor,tariff,fee,requestedAt,acceptedAt,settledAt";
const PAYMENTS = 40_960;

const exportFrom = (path: string, ...args: string[]) =>
  run(fromSource("worker.ts", "export", ...args), { env: bareEnv({ JOURNAL: `sqlite:${path}` }) });

test("beside a worker: every settled payment, with sums that are the summary's", async () => {
  await using stack = new Stack(await siteFor({ env: { JOURNAL_SYNC: "off" } }));
  writeHistory(stack.journalPath, 1_024);
  await stack.startAll();
  await until("the gateway is ready", () => stack.gateway.isReady());
  const text = await (await stack.gateway.ask("/payments-summary")).text();
  const summary = JSON.parse(text) as Record<
    string,
    { totalRequests: number; totalAmount: number }
  >;
  const { out, err, code } = await exportFrom(stack.journalPath);
  const sums = Object.entries(summary).map(([name, { totalRequests, totalAmount }]) => {
    return `${name} ${totalRequests} of ${totalAmount.toFixed(2)}`;
  });
  expect(code).toBe(0);
  expect(err.trimEnd().split("\n").at(-1)).toEndWith(`: ${sums.join(", ")}`);
  const lines = out.split("\r\n");
  expect([lines[0], lines.length, lines.at(-1)]).toEqual([HEAD, 1_026, ""]);
  const one = await (await stack.gateway.ask(`/payments/${uuid(7)}`)).text();
  const { amount, processor, tariff, fee, requestedAt, acceptedAt, settledAt } = JSON.parse(one);
  const feeText = /"fee":([\d.]+)/.exec(one)?.[1];
  expect(Number(feeText)).toBe(fee);
  const wanted = [uuid(7), "", amount.toFixed(2), processor, tariff, feeText];
  const line = [...wanted, requestedAt, acceptedAt, settledAt].join(",");
  expect(lines.filter((found) => found.startsWith(uuid(7)))).toEqual([line]);
  const jsonl = await exportFrom(stack.journalPath, "--format", "jsonl");
  const objects = jsonl.out
    .trimEnd()
    .split("\n")
    .map((object) => JSON.parse(object));
  expect(objects).toHaveLength(1_024);
  expect(objects.find(({ correlationId }) => correlationId === uuid(7))).toEqual({
    correlationId: uuid(7),
    reference: null,
    amount,
    processor,
    tariff,
    fee,
    requestedAt,
    acceptedAt,
    settledAt,
  });
  expect(jsonl.err).toBe(err);
});

test("a window, a day and what is pruned; from a file that no worker is at", async () => {
  using file = temporaryFile();
  writeHistory(file.path, 2_048);
  const iso = (ms: number) => new Date(ms).toISOString();
  const requestedMs = (seq: number) => AT_MS + 100 + seq;
  const window = ["--from", iso(requestedMs(11)), "--to", iso(requestedMs(20))];
  const some = await exportFrom(file.path, ...window);
  expect(some).toMatchObject({ code: 0 });
  expect(
    some.out
      .split("\r\n")
      .slice(1, -1)
      .map((line) => line.slice(0, 36)),
  ).toEqual(Array.from({ length: 10 }, (_, i) => uuid(11 + i)));
  const day = await exportFrom(file.path, "--day", iso(AT_MS).slice(0, 10), "--time-zone", "UTC");
  expect(day.out.split("\r\n")).toHaveLength(2_050);
  const before = await exportFrom(
    file.path,
    "--day",
    "2024-02-29",
    "--time-zone",
    "America/Sao_Paulo",
  );
  expect(before).toMatchObject({ code: 0, out: `${HEAD}\r\n` });
  expect(before.err).toStartWith("exported 0 payments of 0.00");
  using db = new Database(file.path);
  db.run("INSERT INTO meta VALUES ('pruned_before_ms', ?)", [requestedMs(12)]);
  const pruned = await exportFrom(file.path, ...window);
  expect(pruned).toMatchObject({ code: 1, out: "" });
  expect(pruned.err).toContain(`ask --from ${iso(requestedMs(12))}`);
});

test("a reference is written as it is, and no sheet runs it", async () => {
  using file = temporaryFile();
  const references = ["order 7", '=HYPERLINK("http://x")', "a;=1+1", "=1+1,2", "Açaí 🥣"];
  const store = new SqliteStore(file.path, "off", NAMES, AT_MS);
  store.apply(references.map((reference, i) => ({ ...assigned(i + 1), reference })));
  store.apply(references.map((_, i) => settle(i + 1, i)));
  store.close();
  const cells = ["order 7", `"'=HYPERLINK(""http://x"")"`, `"a;'=1+1"`, `"'=1+1,2"`, "Açaí 🥣"];
  const { out } = await exportFrom(file.path);
  const begins = cells.map((cell, i) => `${uuid(i + 1)},${cell},`);
  const lines = out.split("\r\n").slice(1, -1);
  expect(lines.map((line, i) => line.slice(0, begins[i]!.length))).toEqual(begins);
  const jsonl = await exportFrom(file.path, "--format", "jsonl");
  const objects = jsonl.out.trimEnd().split("\n");
  expect(objects.map((object) => JSON.parse(object).reference)).toEqual(references);
});

test.each([
  [["--format", "xml"], "--format is one of csv, jsonl"],
  [["--from", "yesterday"], "--from is not an ISO 8601 instant"],
  [["--from", "2026-01-02T00:00:00Z", "--to", "2026-01-01T00:00:00Z"], "--from is later than to"],
  [["--day", "2026-02-30"], 'there is no day "2026-02-30" in UTC'],
  [["--day", "2026-01-01", "--time-zone", "Mars"], 'there is no time zone "Mars"'],
  [["--day", "2026-01-01", "--from", "2026-01-01T00:00:00Z"], "--day takes the place"],
  [["--time-zone", "UTC"], "--time-zone goes with --day"],
  [["--formt", "csv"], 'there is no option "--formt"; did you mean --format?'],
])("%p is one line and exit 2", async (args, sentence) => {
  const { code, out, err } = await exportFrom("nothing.db", ...args);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err).toContain(sentence);
  expect(err.trimEnd().split("\n")).toHaveLength(1);
});

test("a pipe that is read slowly costs no memory, and one that is closed ends it quietly", async () => {
  using file = temporaryFile();
  writeHistory(file.path, PAYMENTS);
  const env = bareEnv({ JOURNAL: `sqlite:${file.path}` });
  const command = fromSource("worker.ts", "export")
    .map((part) => `'${part}'`)
    .join(" ");
  // The first reader goes after a line, the second one takes a piece at a time.
  const gone = await run(["bash", "-c", `${command} | head -1; echo "\${PIPESTATUS[0]}"`], {
    env,
  });
  expect(gone).toMatchObject({ code: 0, out: `${HEAD}\r\n0\n`, err: "" });
  const slow = `${command} | (for n in 1 2 3 4; do sleep 0.2; head -c 65536; done; cat) | wc -l`;
  const read = await run(["bash", "-c", slow], { env });
  expect(read.out.trim()).toBe(String(PAYMENTS + 1));
  const cents = PAYMENTS * 1_990;
  expect(read.err).toStartWith(`exported ${PAYMENTS} payments of ${decimalFromCents(cents)}: `);
});
