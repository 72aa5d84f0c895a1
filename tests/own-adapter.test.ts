/**
 * The adapter that docs/PROCESSORS.md walks through, word for word: it keeps the contract of all kinds, it is
 * loaded from where it stands by a compiled program as from source, and it charges. So are the page's stand-in
 * for its processor and its files of processors: they are what the walk needs.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { judgePromises } from "../commands/doctor/promises.ts";
import { tryProcessor } from "../commands/doctor/trial.ts";
import { freePorts } from "../testing/ports.ts";
import { Child, run } from "../testing/process.ts";
import { ROOT } from "../testing/programs.ts";
import { until } from "../testing/until.ts";
import { CHARGE, keepsTheContract } from "../worker/processor/adapters/adapter.contract.ts";
import { adapterOf } from "../worker/processor/adapters/kinds.ts";
import { HttpProcessor } from "../worker/processor.ts";
import { readProcessorsFile } from "../worker/processors-file.ts";
import { exchangeTo } from "../worker/processor/exchange.ts";
import type { Charge } from "../worker/processor.ts";

const folder = await mkdtemp(join(tmpdir(), "own-adapter-"));
afterAll(() => rm(folder, { recursive: true }));

const page = await Bun.file(join(ROOT, "docs/PROCESSORS.md")).text();
const blocksOf = (language: string) =>
  [...page.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, "g"))].map(([, text]) => text!);
const [example, standIn] = blocksOf("ts");
const [processorsFile, cardsFile] = blocksOf("json");
if (example === undefined || standIn === undefined)
  throw new Error("docs/PROCESSORS.md has no adapter");
await writeFile(join(folder, "acme.ts"), example);
const adapter = await adapterOf({ kind: "./acme.ts" }, folder);

const charge = ({ correlationId, amountCents }: Charge, state: string) =>
  JSON.stringify({ reference: correlationId, cents: amountCents, state });

keepsTheContract({
  name: "of docs/PROCESSORS.md",
  adapter,
  clientOf: (url, timeoutMs) => new HttpProcessor(url, timeoutMs, exchangeTo(url), adapter),
  recorded: (payment) => charge(payment, "captured"),
  charges: [
    ["captured", { status: 200, body: charge(CHARGE, "captured") }, "accepted"],
    ["pending", { status: 200, body: charge(CHARGE, "pending") }, "unknown"],
    ["declined", { status: 402, body: charge(CHARGE, "declined") }, "rejected"],
    ["402 of a proxy", { status: 402, body: "" }, "unknown"],
    ["429", { status: 429, body: "" }, "refused"],
    ["503", { status: 503, body: "" }, "unknown"],
  ],
  looks: [
    ["captured", { status: 200, body: charge(CHARGE, "captured") }, "found"],
    ["404", { status: 404, body: "" }, "nothing"],
    ["503", { status: 503, body: "" }, "unasked"],
    ["pending", { status: 200, body: charge(CHARGE, "pending") }, "unclear"],
  ],
  telling: [200, 402, 429],
});

describe("a compiled program", () => {
  const entry = `
    import { adapterOf } from ${JSON.stringify(join(ROOT, "worker/processor/adapters/kinds.ts"))};
    const adapter = await adapterOf({ kind: process.argv[2] }).catch(({ message }) => message);
    console.log(adapter.charge === undefined ? adapter : adapter.charge(${JSON.stringify(CHARGE)}).body);
  `;

  test("loads it from the file, and says why it cannot use another", async () => {
    await writeFile(join(folder, "entry.ts"), entry);
    await writeFile(join(folder, "half.ts"), "export default {");
    const built = await Bun.build({
      entrypoints: [join(folder, "entry.ts")],
      format: "esm",
      minify: true,
      compile: { outfile: join(folder, "program"), autoloadDotenv: false, autoloadBunfig: false },
    });
    expect(built.success).toBe(true);
    const said = async (kind: string) => {
      const { out } = await run([join(folder, "program"), kind], { cwd: folder });
      return out.trim();
    };
    expect(await said("./acme.ts")).toBe(adapter.charge(CHARGE).body as string);
    expect(await said("./half.ts")).toStartWith("the adapter ./half.ts cannot be loaded: ");
  });
});

test("the page's stand-in keeps the promises that the page says, by the page's own file", async () => {
  const { free } = await freePorts("free");
  const port = (text: string) => text.replaceAll("7001", String(free));
  await writeFile(join(folder, "acme-stand-in.ts"), port(standIn));
  await writeFile(join(folder, "processors.json"), port(processorsFile as string));
  await using server = new Child({ command: [process.execPath, join(folder, "acme-stand-in.ts")] });
  server.start();
  await until("it listens", () =>
    fetch(`http://127.0.0.1:${free}/`).then(
      () => true,
      () => false,
    ),
  );
  const read = readProcessorsFile(join(folder, "processors.json"), {});
  if (!read.ok) throw new Error(read.reason);
  const plan = { amountCents: 100, timeoutMs: 5_000, lookMsMax: 0, laterMs: 0 };
  const states = judgePromises(await tryProcessor(read.value[0]!, plan)).map(({ state }) => state);
  expect(states).toEqual([
    "kept",
    "cannot be seen",
    "kept",
    "kept",
    "not promised",
    "not promised",
  ]);
});

test("the page's file for Stripe is one that a worker takes", async () => {
  const path = join(folder, "cards.json");
  await writeFile(path, cardsFile as string);
  const read = readProcessorsFile(path, { STRIPE_SECRET_KEY: "sk_test_123" });
  expect(read).toMatchObject({ ok: true, value: [{ name: "cards", kind: "stripe" }] });
});
