/** Tests that any text in a setting is a value or one line that names the setting and tells no secret. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { apiSettings } from "../api/settings.ts";
import { devSettings } from "../dev/settings.ts";
import { readSettings, type SettingsTable } from "../shared/settings.ts";
import { simulatorSettings } from "../simulator/settings.ts";
import { workerSettings } from "../worker/settings.ts";

const tables: Record<string, SettingsTable> = {
  api: apiSettings,
  dev: devSettings,
  simulator: simulatorSettings,
  worker: workerSettings,
};
const each = Object.entries(tables).flatMap(([process, table]) =>
  Object.keys(table).map((name) => [process, name, table] as const),
);

/** A secret that nobody would find in a sentence by chance. */
const HUSH = "hu5h-hu5h";
/** An environment holds no zero. */
const texts = fc.string({ unit: "binary" }).filter((text) => !text.includes("\0"));
const pieces = fc.constantFrom(
  ..."default = ; , fee=0.05 audit-token= http:// user: @ 127.0.0.1 :8001".split(" "),
  ..."sqlite: unix: / a 0 1 - [::1] true é".split(" "),
  " ",
  "\n",
);
const likely = fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join(""));

describe.each(each)("%s: %s", (_, name, table) => {
  const reasonOf = (text: string) => {
    const read = readSettings({ [name]: table[name]! }, { [name]: text });
    return read.ok ? null : read.reason;
  };

  test("is a value, or one line that names it", () => {
    fc.assert(
      fc.property(fc.oneof(texts, likely), (text) => {
        const reason = reasonOf(text);
        if (reason === null) return;
        expect(reason).toStartWith(`${name}: `);
        expect(reason).not.toInclude("\n");
      }),
      { numRuns: 300 },
    );
  });

  test("shows no password of an address", () => {
    fc.assert(
      fc.property(likely, likely, (before, after) => {
        expect(reasonOf(`${before}user:${HUSH}@${after}`) ?? "").not.toInclude(HUSH);
      }),
      { numRuns: 300 },
    );
  });
});

test.each(["LINK_SECRET", "ADMIN_TOKEN", "PROCESSORS"] as const)(
  "%s shows nothing of a secret, wherever it stands",
  (name) => {
    const table = { [name]: workerSettings[name] };
    fc.assert(
      fc.property(likely, likely, (before, after) => {
        const read = readSettings(table, { [name]: `${before}${HUSH}${after}` });
        expect(read.ok ? "" : read.reason).not.toInclude(HUSH);
      }),
      { numRuns: 2_000 },
    );
  },
);
