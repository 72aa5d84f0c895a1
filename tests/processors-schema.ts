/**
 * Makes `docs/processors.schema.json`, with which an editor completes and checks PROCESSORS_FILE, from
 * the schema that the worker reads it by: `bun tests/processors-schema.ts` writes it.
 */
import { join } from "node:path";
import { toJsonSchema } from "@valibot/to-json-schema";
import { ROOT } from "../testing/programs.ts";
import { processorsFile } from "../worker/processors-file.ts";

export const SCHEMA_PATH = join(ROOT, "docs/processors.schema.json");

export function schemaText(): string {
  // Checks that no schema can say are left out: a maximum below the minimum, say.
  const schema = toJsonSchema(processorsFile, { typeMode: "input", errorMode: "ignore" });
  return `${JSON.stringify({ title: "PROCESSORS_FILE", ...schema }, null, 2)}\n`;
}

if (import.meta.main) await Bun.write(SCHEMA_PATH, schemaText());
