/**
 * Runs Schemathesis, which makes up sound and unsound requests for every operation of a document, against
 * the listener that the document comes from, and checks each answer. The gateway and its processors are
 * there for it alone: it purges, drains, and decides about payments.
 */
import { OPERATION_IDS, rowOf } from "../../shared/http-api/table.ts";
import type { GatewayClient } from "../../testing/gateway.ts";
import { run } from "../../testing/process.ts";
import { bareEnv } from "../../testing/programs.ts";
import { Stack } from "../../testing/stack.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { until } from "../../testing/until.ts";

const SCHEMATHESIS = Bun.which("schemathesis");
export const IS_MISSING = SCHEMATHESIS === null;
export const NOTE = IS_MISSING
  ? " (skipped: there is no schemathesis; pip install -r tests/openapi/requirements.txt)"
  : "";

export const LISTENERS = ["api", "worker"] as const;
export type Trial = {
  readonly listener: (typeof LISTENERS)[number];
  /** Requests that are made up for each operation, beside those that cover its limits. */
  readonly examples: number;
  readonly seed: number;
};

const TOKEN = "a-token-of-the-examples";

export async function tryExamples({ listener, examples, seed }: Trial) {
  const env = { ADMIN_TOKEN: TOKEN, PURGE_ENABLED: "true", JOURNAL_SYNC: "off" };
  await using stack = await Stack.start({ env, apiEnv: { READ_TOKEN: TOKEN } });
  await until("the gateway is ready", () => stack.gateway.isReady());
  using directory = temporaryDirectory();
  const config = directory.file("schemathesis.toml");
  await Bun.write(config, configOf(await somePayments(stack)));
  const { url } = listener === "api" ? stack.gateway : stack.workerHttp;
  const options = ["--max-examples", String(examples), "--seed", String(seed)];
  const { code, signal, out, err } = await run(
    [
      SCHEMATHESIS!,
      "--config-file",
      config,
      "--no-color",
      "run",
      `${url}/openapi.json`,
      ...options,
    ],
    { env: bareEnv(), cwd: directory.path },
  );
  const isPassed = code === 0;
  // Schemathesis itself says nothing when it dies in the middle.
  const ended = isPassed ? "" : `schemathesis ended with ${signal ?? `code ${code}`}\n`;
  return { passed: isPassed, said: out + err + ended };
}

/** Operations with a window, or a cursor: a document cannot say that a begin is not after its end, and what was given. */
const refusable = OPERATION_IDS.filter((id) => {
  return id === "events" || Object.hasOwn(rowOf(id).query ?? {}, "from");
});
const SOUND = ["2xx", "302", "404", "409"];

/** Makes payments that are settled, and others that stay unknown until somebody decides. */
async function somePayments({ gateway, processors }: Stack): Promise<string[]> {
  const settled = await Promise.all(Array.from({ length: 4 }, () => payOne(gateway)));
  const settledToo = async () => (await gateway.stateOf(settled.at(-1)!)) === "settled";
  await until("some are settled", settledToo);
  for (const processor of processors) await processor.setFaults({ errorWithoutInsert: 1 });
  const open = await Promise.all(Array.from({ length: 50 }, () => payOne(gateway)));
  return [...settled, ...open];
}

async function payOne(gateway: GatewayClient): Promise<string> {
  const id = crypto.randomUUID();
  const status = await gateway.pay(id, 1_990);
  if (status !== 202) throw new Error(`a payment was answered ${status}`);
  return id;
}

/** Takes 401 from nobody who has the token, and needs one event of a stream, which has no end. */
const configOf = (ids: readonly string[]) => `
max-stream-events = 1
continue-on-failure = true

[auth.openapi.adminToken]
bearer = "${TOKEN}"
[auth.openapi.readToken]
bearer = "${TOKEN}"

[checks]
positive_data_acceptance.expected-statuses = ${JSON.stringify(SOUND)}
negative_data_rejection.expected-statuses = ["400", "401", "404", "409", "413"]

# Ids and names that are known, beside those that are made up.
[dictionaries]
ids.values = ${JSON.stringify(ids)}
names.values = ["default", "fallback"]
[parameters]
"path.correlationId" = { dictionary = "ids", probability = 0.7 }
"path.name" = { dictionary = "names", probability = 0.7 }

[[operations]]
include-operation-id = ${JSON.stringify(refusable)}
checks.positive_data_acceptance.expected-statuses = ${JSON.stringify([...SOUND, "400"])}
`;
