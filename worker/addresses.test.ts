import { describe, expect, test } from "bun:test";
import { compareAddresses, knownAddresses, type KnownAddress } from "./addresses.ts";
import {
  accept,
  assigned,
  failed,
  LASTING_DRIVERS,
  NAMES,
  openInline,
  settle,
  temporaryDirectory,
  temporaryFile,
} from "./journal/journal.fixture.ts";
import { writtenBy } from "./journal/migrations.fixture.ts";

const [A, B, C] = ["http://a", "http://b", "http://c"] as const;
const known = (number: number, name: string, url: string | null, open: number): KnownAddress => {
  return { number, name, url, open };
};
const at = (name: string, url: string) => ({ name, url });

describe("the table, row by row", () => {
  const cases: [string, Parameters<typeof compareAddresses>[0], KnownAddress[], object[]][] = [
    ["no name is known", [at("x", A)], [], [{ kind: "new" }]],
    ["no address is known", [at("x", A)], [known(0, "x", null, 7)], [{ kind: "new" }]],
    ["the same", [at("x", A)], [known(0, "x", A, 7)], [{ kind: "same" }]],
    ["another, all settled", [at("x", B)], [known(0, "x", A, 0)], [{ kind: "followed", from: A }]],
    ["another", [at("x", B)], [known(0, "x", A, 7)], [{ kind: "moved", from: A, open: 7 }]],
    [
      "exchanged, and payments are open at one of them",
      [at("x", B), at("y", A), at("z", C)],
      [known(0, "x", A, 2), known(1, "y", B, 0), known(2, "z", C, 9)],
      [{ kind: "moved", from: A, open: 2 }, { kind: "moved", from: B, open: 2 }, { kind: "same" }],
    ],
    [
      "exchanged, all settled",
      [at("x", B), at("y", A)],
      [known(0, "x", A, 0), known(1, "y", B, 0)],
      [
        { kind: "followed", from: A },
        { kind: "followed", from: B },
      ],
    ],
    [
      "to where one that is gone has open payments",
      [at("x", B)],
      [known(0, "x", A, 0), known(1, "y", B, 3)],
      [{ kind: "moved", from: A, open: 3 }],
    ],
  ];
  test.each(cases)("%s", (_, configured, journal, expected) => {
    expect(compareAddresses(configured, journal).configured as object[]).toEqual(expected);
  });

  test("whoever is gone and has open payments is named", () => {
    const journal = [known(0, "x", A, 3), known(1, "y", B, 0), known(2, "z", C, 1)];
    const { configured, gone } = compareAddresses([at("z", C), at("w", A)], journal);
    expect(configured.map(({ kind }) => kind)).toEqual(["same", "new"]);
    expect(gone.map(({ name }) => name)).toEqual(["x"]);
  });
});

const both = (urls: readonly string[]) => NAMES.map((name, i) => at(name, urls[i] as string));

describe.each(LASTING_DRIVERS.map((driver) => [driver.name, driver] as const))(
  "a journal %s",
  (_, driver) => {
    test("keeps addresses, and gives none up while payments are open", async () => {
      using directory = temporaryDirectory();
      const start = async (urls: readonly string[]) => {
        await using opened = await driver.open(directory.file());
        const { configured } = await opened.journal.addresses(both(urls));
        return configured.map(({ kind }) => kind);
      };
      expect(await start([A, B])).toEqual(["new", "new"]);
      expect(await start([C, B])).toEqual(["followed", "same"]);
      {
        await using opened = await driver.open(directory.file());
        await opened.apply(assigned(1), failed("unknown", 1));
      }
      expect(await start([A, B])).toEqual(["moved", "same"]);
      expect(await start([B, C])).toEqual(["moved", "moved"]);
      expect(await start([C, B])).toEqual(["same", "same"]);
      const intervention = { atMs: 1, who: "ana", action: "moved", why: "w", evidence: null };
      {
        await using opened = await driver.open(directory.file());
        await opened.apply({ kind: "address", processor: 0, url: A, intervention });
      }
      expect(await start([A, B])).toEqual(["same", "same"]);
    });
  },
);

test("open are payments that are not final and belong to the processor", async () => {
  using directory = temporaryDirectory();
  await using opened = openInline(directory.file());
  const intervention = { atMs: 1, who: "ana", action: "hold", why: "w", evidence: null };
  await opened.apply(
    accept(1),
    ...[2, 3, 4, 5, 6, 7].map((seq) => assigned(seq)),
    failed("unknown", 3),
    failed("unknown", 4),
    { kind: "hold", seq: 4, intervention },
    failed("conflict", 5),
    failed("reject", 6),
    settle(7, 0),
    assigned(8, 1),
  );
  expect(knownAddresses(opened.db).map(({ open }) => open)).toEqual([3, 1]);
});

test("a journal from before addresses were kept is given them in place", async () => {
  using file = temporaryFile();
  writtenBy("0230981", file.path);
  await using opened = openInline(file.path);
  const found = await opened.journal.addresses(both([A, B]));
  expect(found.configured).toEqual([{ kind: "new" }, { kind: "new" }]);
  expect((await opened.journal.addresses(both([C, B]))).configured[0]).toEqual({
    kind: "moved",
    from: A,
    open: 8,
  });
});
