/**
 * The adapter that docs/PROCESSORS.md walks through, word for word: it keeps the contract of all kinds, it is
 * loaded from where it stands by a compiled program as from source, and it charges.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../testing/process.ts";
import { ROOT } from "../testing/programs.ts";
import { CHARGE, keepsTheContract } from "../worker/processor/adapters/adapter.contract.ts";
import { adapterOf } from "../worker/processor/adapters/kinds.ts";
import { HttpProcessor } from "../worker/processor.ts";
import { exchangeTo } from "../worker/processor/exchange.ts";
import type { Charge } from "../worker/processor.ts";

const folder = await mkdtemp(join(tmpdir(), "own-adapter-"));
afterAll(() => rm(folder, { recursive: true }));

const page = await Bun.file(join(ROOT, "docs/PROCESSORS.md")).text();
const [, example] = /```ts\n([^]*?)```/.exec(page) ?? [];
if (example === undefined) throw new Error("docs/PROCESSORS.md has no adapter");
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
