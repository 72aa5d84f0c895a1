/** Holds both OpenAPI documents against Redocly's recommended rules. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { apiDocument } from "../../api/openapi.ts";
import { run } from "../../testing/process.ts";
import { bareEnv, ROOT } from "../../testing/programs.ts";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { WORKER_DOCUMENT } from "../../worker/http/openapi.ts";

const REDOCLY = join(ROOT, "node_modules/@redocly/cli/bin/cli.js");
/** It would tell its makers of each run, and ask for newer versions. */
const QUIET = { REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" };

type Report = {
  readonly problems: readonly {
    readonly ruleId: string;
    readonly message: string;
    readonly location: readonly { readonly pointer: string }[];
  }[];
};

test.each([
  ["API", apiDocument(1_000_000)],
  ["worker", WORKER_DOCUMENT],
])("the document of the %s breaks no rule", async (_, document) => {
  using directory = temporaryDirectory();
  const path = directory.file("openapi.json");
  await Bun.write(path, document);
  const options = ["--config", join(import.meta.dir, "redocly.yaml"), "--format", "json"];
  const { out, err } = await run([process.execPath, REDOCLY, "lint", path, ...options], {
    env: bareEnv(QUIET),
  });
  expect(out, err).toStartWith("{");
  const { problems } = JSON.parse(out) as Report;
  const found = problems.map(({ ruleId, message, location }) => {
    return `${location[0]?.pointer}: ${message} (${ruleId})`;
  });
  expect(found).toEqual([]);
});
