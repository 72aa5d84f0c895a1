/** The turns of the event loop in which production's driver commits. */
import { expect, spyOn, test } from "bun:test";
import { statSync } from "node:fs";
import { systemClock } from "../../shared/clock.ts";
import type { FromThread, Start } from "./checkpoint-thread.ts";
import { GROUP_COMMIT_DEFAULTS } from "./group-commit.ts";
import { accept, NAMES, temporaryDirectory, temporaryFile } from "./journal.fixture.ts";
import { openJournal } from "./turn.ts";

/** Opens a journal whose timers never fire, so that it commits by turns alone. */
async function openByTurnsAlone(path: string) {
  const never = setTimeout(() => {}, 0);
  clearTimeout(never);
  const timers = spyOn(globalThis, "setTimeout").mockReturnValue(never as never);
  try {
    return await openJournal({ JOURNAL: path, JOURNAL_SYNC: "off" }, NAMES, systemClock);
  } finally {
    timers.mockRestore();
  }
}

type Heard = (event: { readonly data: FromThread }) => void;

/** Opens a journal whose thread for checkpoints says what a test says. */
async function openWithThread(path: string) {
  const thread = {
    onmessage: (() => {}) as Heard,
    say: (data: FromThread) => thread.onmessage({ data }),
    postMessage: (asked: Start | "grown" | "close") => {
      if (asked !== "grown") thread.say(asked === "close" ? "closed" : "open");
    },
    terminate: () => {},
  };
  const RealWorker = globalThis.Worker;
  const isOurs = (url: string) => url.endsWith("/checkpoint-thread.ts");
  const threads = spyOn(globalThis, "Worker").mockImplementation(((url: string) =>
    isOurs(url) ? thread : new RealWorker(url)) as never);
  try {
    const settings = { JOURNAL: path, JOURNAL_SYNC: "off" } as const;
    return { thread, journal: await openJournal(settings, NAMES, systemClock) };
  } finally {
    threads.mockRestore();
  }
}

test("checkpoints that fail in the thread are trouble of the journal's, until they work again", async () => {
  using directory = temporaryDirectory();
  const { thread, journal } = await openWithThread(directory.file());
  expect(journal.checkpoints.failing).toBeNull();
  thread.say({ failure: "disk full" });
  expect([journal.checkpoints.failing, journal.checkpoints.failures]).toEqual(["disk full", 1]);
  thread.say("works-again");
  expect(journal.checkpoints.failing).toBeNull();
  await journal.close();
});

test("a log that has become too long for the thread is copied between two commits", async () => {
  using file = temporaryFile();
  const { thread, journal } = await openWithThread(file.path);
  const before = statSync(file.path).size;
  await new Promise<void>((done) => {
    for (let seq = 1; seq <= GROUP_COMMIT_DEFAULTS.batchMax; seq++) {
      journal.append(accept(seq), () => seq === GROUP_COMMIT_DEFAULTS.batchMax && done());
    }
  });
  expect(statSync(file.path).size).toBe(before);
  thread.say("log-too-long");
  expect(statSync(file.path).size).toBeGreaterThan(before);
  await journal.close();
});

test("what is over a batch is committed in the next turns, one after the other", async () => {
  using directory = temporaryDirectory();
  const journal = await openByTurnsAlone(directory.file());
  let answered = 0;
  for (let seq = 1; seq <= 2 * GROUP_COMMIT_DEFAULTS.batchMax + 5; seq++) {
    journal.append(accept(seq), () => void answered++);
  }
  const answeredByTurn: number[] = [];
  for (let turn = 0; turn < 3; turn++) {
    await new Promise(setImmediate);
    answeredByTurn.push(answered);
  }
  expect(answeredByTurn).toEqual([
    GROUP_COMMIT_DEFAULTS.batchMax,
    2 * GROUP_COMMIT_DEFAULTS.batchMax,
    2 * GROUP_COMMIT_DEFAULTS.batchMax + 5,
  ]);
  await journal.close();
});
