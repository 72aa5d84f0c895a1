/**
 * Runs the receivers that docs/WEBHOOKS.md offers to be copied, as they stand there, and sends to them with
 * the gateway's own sender: what a shop's engineer copies works.
 */
import { expect, test } from "bun:test";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../shared/clock.ts";
import { Child, run } from "../../testing/process.ts";
import { bareEnv, ROOT } from "../../testing/programs.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { WEBHOOK_SECRET } from "../../testing/webhook-receiver.ts";
import type { PaymentEvent } from "../../worker/events/event.ts";
import { senderTo } from "../../worker/webhooks/sender.ts";

const PYTHON = await pythonWithLibrary();
const NOTE =
  PYTHON === null
    ? " (skipped: no python3 has it; pip install -r tests/webhooks/requirements.txt)"
    : "";
const ID = "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3";
const EVENT: PaymentEvent = {
  id: `settled_${ID}`,
  correlationId: ID,
  type: "payment.settled",
  endedAtMs: 0,
  body: `{"type":"payment.settled","data":{"correlationId":"${ID}","amount":19.90}}`,
};

async function pythonWithLibrary(): Promise<string | null> {
  for (const folder of (process.env["PATH"] ?? "").split(":")) {
    const python = Bun.which("python3", { PATH: folder });
    if (python === null) continue;
    const { code } = await run([python, "-c", "import standardwebhooks"]);
    if (code === 0) return python;
  }
  return null;
}

/** Runs the code in that language from the page; sends to it; gives what it said. */
async function received(language: string, command: (file: string) => string[]): Promise<string[]> {
  const page = await Bun.file(join(ROOT, "docs/WEBHOOKS.md")).text();
  const code = page.split(`\`\`\`${language}\n`)[1]?.split("```")[0] ?? "";
  expect(code.split("\n").length).toBeGreaterThan(15);
  using folder = temporaryDirectory();
  symlinkSync(join(ROOT, "node_modules"), join(folder.path, "node_modules"));
  const file = folder.file(`receiver.${language}`);
  await Bun.write(file, code);
  await using child = await Child.start({
    name: language,
    command: command(file),
    env: bareEnv({ WEBHOOK_SECRET, PORT: "0" }),
    isReady: (line) => line.startsWith("listening "),
  });
  const port = (await child.untilReady()).split(" ")[1];
  const url = `http://127.0.0.1:${port}/`;
  const sendTo = (secret: string) => senderTo({ url, secrets: [secret], allowPrivate: true });
  const nowMs = systemClock.wallMs();
  expect(await sendTo(WEBHOOK_SECRET)(EVENT, nowMs)).toEqual({ kind: "taken" });
  expect(await sendTo(WEBHOOK_SECRET)(EVENT, nowMs)).toEqual({ kind: "taken" });
  const other = `whsec_${Buffer.alloc(24, 1).toString("base64")}`;
  const refused = { kind: "refused", reason: "answered 401" };
  expect(await sendTo(other)(EVENT, nowMs)).toMatchObject(refused);
  // A recording that is sent again much later is not believed.
  expect(await sendTo(WEBHOOK_SECRET)(EVENT, nowMs - 600_000)).toMatchObject(refused);
  await child.untilLine((line) => line.startsWith("payment."));
  return child.lines.filter((line) => line.startsWith("payment."));
}

test("the receiver in TypeScript takes an event once, and one that is not signed not at all", async () => {
  const said = await received("ts", (file) => [process.execPath, file]);
  expect(said).toEqual([`payment.settled ${ID} 19.9`]);
});

test.skipIf(PYTHON === null)(`so does the one in Python${NOTE}`, async () => {
  const said = await received("python", (file) => [PYTHON as string, file]);
  expect(said).toEqual([`payment.settled ${ID} 19.9`]);
});
