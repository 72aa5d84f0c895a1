/**
 * Judges a journal on PostgreSQL as a start would: whether it can be reached, keeps what it acknowledges,
 * and has a schema that this version knows. A database has no disk of ours to look at.
 */
import { systemClock } from "../../shared/clock.ts";
import { shownJournal } from "../../worker/journal-url.ts";
import type { WorkerSettings } from "../../worker/settings.ts";
import { judgeKnown, type Judged } from "./addresses.ts";
import { ok, warning, wrong } from "./finding.ts";

const NAME = "journal";

/** The driver is loaded only when there is a database to look at. */
export async function judgeDatabase(settings: WorkerSettings): Promise<Judged> {
  const { inspect } = await import("../../worker/journal/postgres.ts");
  const { PROCESSORS, JOURNAL } = settings;
  try {
    const { warnings, schema, addresses, refusal } = await inspect(settings, systemClock);
    const judged = judgeKnown(PROCESSORS, addresses);
    const figure = `${shownJournal(JOURNAL)} ${schema === 0 ? "is empty" : `has schema ${schema}`}`;
    const findings = [ok(NAME, figure), ...warnings.map((one) => warning(NAME, one, null))];
    if (refusal !== null) findings.push(wrong("workers", refusal, null));
    return { ...judged, findings: [...findings, ...judged.findings] };
  } catch (error) {
    // Nobody knows whose the payments are: no processor is asked.
    const untouchable = new Set(PROCESSORS.map(({ name }) => name));
    return { findings: [wrong(NAME, (error as Error).message, null)], untouchable };
  }
}
