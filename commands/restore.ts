/** Runs `worker restore FROM`: a copy takes the place of a journal that is lost, and is marked so. */
import { statSync } from "node:fs";
import { argumentsOrExit, refuseArguments } from "../shared/arguments.ts";
import { complain, say } from "../shared/say.ts";
import { putBack, type PutBack } from "../worker/journal/put-back.ts";
import { Progress } from "./backup/progress.ts";
import { refuseWithoutRoom } from "./backup/space.ts";
import { journalFile } from "./journal-path.ts";

const USAGE = `usage: worker restore FROM

Puts a copy in the place of the journal that JOURNAL names, which is moved aside. The copy is looked
through first; it stays where it is. What happened after it was made is not in it: the journal is marked
as restored, and docs/RESTORE.md says what that means. While a worker runs, or a log is there whose
payments no copy has, it is refused.

  --help, --version

Exit code 0: the copy is in place. 1: it is not, and nothing was changed.
`;

export async function restoreByHand(args: readonly string[]): Promise<0> {
  const [from] = argumentsOrExit({ usage: USAGE, wordsMax: 1 }, args).words;
  if (from === undefined) return refuseArguments(USAGE, "it is not said from where");
  try {
    const journal = journalFile(process.env, "worker restore");
    const bytes = statSync(from, { throwIfNoEntry: false })?.size ?? 0;
    refuseWithoutRoom(journal, bytes);
    const progress = new Progress(bytes, performance.now(), complain);
    const nowMs = Date.now();
    const put = putBack(from, journal, nowMs, (at) => progress.at(performance.now(), at));
    say(describe(journal, put, nowMs));
    return 0;
  } catch (error) {
    const reason = (error as Error).message;
    throw new Error(`${from} is not restored to where JOURNAL says: ${reason}`, { cause: error });
  }
}

function describe(journal: string, put: PutBack, nowMs: number): string {
  const { payments, open, newestAtMs, backupAtMs, aside } = put;
  const ago = (atMs: number) =>
    `${new Date(atMs).toISOString()}, ${Math.round((nowMs - atMs) / 1_000)} s ago`;
  const lines = [
    `${journal} is restored: ${payments} payments, ${open} of them open`,
    `the copy ${backupAtMs === null ? "does not say when it was made" : `was made at ${ago(backupAtMs)}`}`,
    ...(newestAtMs === null ? [] : [`its newest payment was accepted at ${ago(newestAtMs)}`]),
    ...(aside === null ? [] : [`what was there before is ${aside} now`]),
    "what happened since is not in it: see docs/RESTORE.md before payments are taken",
  ];
  return lines.map((line) => `${line}\n`).join("");
}
