/** The turns of the event loop in which production's driver commits. */
import { expect, spyOn, test } from "bun:test";
import { systemClock } from "../../shared/clock.ts";
import { BATCH_MAX } from "./group-commit.ts";
import { accept, NAMES, temporaryDirectory } from "./journal.fixture.ts";
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

test("what is over a batch is committed in the next turns, one after the other", async () => {
  using directory = temporaryDirectory();
  const journal = await openByTurnsAlone(directory.file());
  let answered = 0;
  for (let seq = 1; seq <= 2 * BATCH_MAX + 5; seq++) {
    journal.append(accept(seq), () => void answered++);
  }
  const answeredByTurn: number[] = [];
  for (let turn = 0; turn < 3; turn++) {
    await new Promise(setImmediate);
    answeredByTurn.push(answered);
  }
  expect(answeredByTurn).toEqual([BATCH_MAX, 2 * BATCH_MAX, 2 * BATCH_MAX + 5]);
  await journal.close();
});
