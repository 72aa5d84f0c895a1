import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { AT_MS, changeOf, incidentOf, minuteOf, newsOf } from "./history.fixture.ts";
import { HistoryFile } from "./history-file.ts";
import { History } from "./history.ts";

function site() {
  const directory = temporaryDirectory();
  const journal = directory.file("payments.db");
  const said: unknown[][] = [];
  return {
    path: `${journal}-history`,
    names: () => readdirSync(directory.path).sort(),
    said,
    file: new HistoryFile(journal),
    log: { warn: (...line: unknown[]) => void said.push(line) } as never,
    [Symbol.dispose]: () => directory[Symbol.dispose](),
  };
}

function full() {
  const history = new History();
  const modes = { ...changeOf(2, AT_MS), kind: "mode", from: "auto", to: "drained" } as const;
  const changes = [changeOf(1, AT_MS), modes];
  const incidents = [incidentOf(AT_MS), incidentOf(AT_MS + 1, { endedMs: AT_MS + 2 })];
  history.take(AT_MS, newsOf({ minutes: [minuteOf(1), minuteOf(2)], changes, incidents }));
  return history.tell(AT_MS + 60_000);
}

test("what is written is read again, all of it; where nothing was written there is nothing to say", async () => {
  using at = site();
  expect(at.file.read(at.log)).toBeNull();
  await at.file.write(full());
  await at.file.write(full());
  expect(at.names()).toEqual(["payments.db-history"]);
  expect(at.file.read(at.log)).toEqual(full());
  expect(at.said).toEqual([]);
});

const whole = JSON.stringify({ format: 1, ...full() });
test.each([
  ["empty", ""],
  ["cut short", whole.slice(0, -200)],
  ["of somebody else", '{"name":"papa-leguas"}'],
  ["of another format", whole.replace('"format":1', '"format":2')],
  ["with an instant that is none", whole.replace(/"at":"[^"]+"/, '"at":"yesterday"')],
  ["with a count that is none", whole.replace('"accepted":5', '"accepted":-5')],
  ["with a state that is none", whole.replace('"to":"open"', '"to":"ajar"')],
])("a file that is %s is set aside, with one line", async (_, text) => {
  using at = site();
  writeFileSync(at.path, text);
  expect(at.file.read(at.log)).toBeNull();
  const aside = `${at.path}.damaged`;
  expect(at.said).toEqual([
    [{ file: at.path, reason: expect.any(String), aside }, "the history is begun anew"],
  ]);
  expect(at.names()).toEqual(["payments.db-history.damaged"]);
  expect(await Bun.file(aside).text()).toBe(text);
  await at.file.write(full());
  expect(at.file.read(at.log)).toEqual(full());
});

test("where there is a folder of that name nothing ends, and a write leaves nothing behind", async () => {
  using at = site();
  mkdirSync(`${at.path}.damaged/full`, { recursive: true });
  mkdirSync(at.path);
  expect(at.file.read(at.log)).toBeNull();
  const why = { file: at.path, reason: "it is no file", aside: null };
  expect(at.said).toEqual([[why, "the history is begun anew"]]);
  await expect(at.file.write(full())).rejects.toThrow();
  expect(existsSync(`${at.path}.new`)).toBe(false);
});
