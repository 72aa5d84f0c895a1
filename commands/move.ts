/** Runs `worker move`: a journal in a file becomes one on PostgreSQL, or the other way round. */
import { argumentsOrExit, refuseArguments } from "../shared/arguments.ts";
import { systemClock } from "../shared/clock.ts";
import { decimalFromCents } from "../shared/money.ts";
import { complain, say } from "../shared/say.ts";
import { readSettings } from "../shared/settings.ts";
import { isPostgres, shownJournal } from "../worker/journal-url.ts";
import type { Moved } from "../worker/journal/move.ts";
import { countOf, sumsOf } from "../worker/journal/move/tally.ts";
import { workerSettings } from "../worker/settings.ts";
import { Progress, type Unit } from "./backup/progress.ts";
import { journalNamed } from "./journal-path.ts";
import { table } from "./text-table.ts";

const USAGE = `usage: worker move [--from JOURNAL] [--to JOURNAL]

Copies a journal in a file into an empty database, or one in a database into a new file: payments with
their numbers, attempts, decisions, tariffs, the ledger in its order, and what was purged or pruned.
Then both are counted and compared, and no worker starts on the old one any more. No worker may run at
either. What is interrupted has changed nothing, and is begun anew by the same command.

  --from JOURNAL  sqlite:FILE or postgres://USER:PASSWORD@HOST/DATABASE
  --to JOURNAL    the other; whichever is not given is the setting JOURNAL, which keeps a password out
                  of the list of processes
  --help, --version

Exit code 0: the journal is at its new place. 1: it is not, and the old one is as it was.
`;

const OPTIONS = { from: { type: "string" }, to: { type: "string" } } as const;
const PAYMENTS: Unit = { name: "payments", say: (count) => String(Math.round(count)), last: "" };
const { CLUSTER_ALLOW_SINGLE } = workerSettings;

export async function moveByHand(args: readonly string[]): Promise<0> {
  const { values } = argumentsOrExit({ usage: USAGE, options: OPTIONS }, args);
  if (values.from === undefined && values.to === undefined) {
    return refuseArguments(USAGE, "it is not said from where, nor to where");
  }
  try {
    const [from, to] = [values.from, values.to].map((JOURNAL) => {
      return journalNamed(JOURNAL === undefined ? process.env : { JOURNAL });
    }) as [string, string];
    if (isPostgres(from) === isPostgres(to)) {
      throw new Error("one of both is a file, and the other a database");
    }
    const moved = await move(from, to);
    say(describe(from, to, moved));
    return 0;
  } catch (error) {
    throw new Error(`the journal is not moved: ${(error as Error).message}`, { cause: error });
  }
}

async function move(from: string, to: string): Promise<Moved> {
  const read = readSettings({ CLUSTER_ALLOW_SINGLE }, process.env);
  if (!read.ok) throw new Error(read.reason);
  // The driver of a database is loaded only for this.
  const { moveToDatabase, moveToFile } = await import("../worker/journal/move.ts");
  let progress: Progress | null = null;
  const told = (done: number, all: number) => {
    progress ??= new Progress(all, performance.now(), complain, PAYMENTS);
    progress.at(performance.now(), done);
  };
  const allowSingle = read.settings.CLUSTER_ALLOW_SINGLE;
  const options = { clock: systemClock, allowSingle, told };
  return isPostgres(to) ? moveToDatabase(from, to, options) : moveToFile(from, to, options);
}

function describe(from: string, to: string, { tally, wasThere }: Moved): string {
  const rows = sumsOf(tally).map(({ name, settled, cents, others }) => {
    return [name, settled, decimalFromCents(cents), others];
  });
  const [attempts, decisions] = [countOf(tally.attempts), countOf(tally.interventions)];
  const [old, place] = [shownJournal(from), shownJournal(to)];
  return `journal ${old} is in ${place} now${wasThere ? ", where it was already" : ""}: ${countOf(tally.payments)} \
payments, ${attempts} attempts, ${decisions} decisions of operators; both were counted, and are equal

${table(["processor", "settled", "sum", "not settled"], rows)}
No worker starts on ${old} any more. Set JOURNAL to the new place; worker audit compares it with the
processors.
`;
}
