/**
 * Judges whether processors are where the journal has them: one that moved gets nothing
 * (worker/addresses.ts).
 */
import { existsSync } from "node:fs";
import {
  compareAddresses,
  knownAddresses,
  movedNames,
  type Address,
  type KnownAddress,
} from "../../worker/addresses.ts";
import { OlderFormat, openToRead } from "../../worker/format.ts";
import { ok, warning, wrong, type Finding } from "./finding.ts";

export type Judged = {
  readonly findings: readonly Finding[];
  /** Processors to which no call may be made; all of them when the journal cannot be asked. */
  readonly untouchable: ReadonlySet<string>;
};

/** Gives nothing when the journal is not there yet. */
export function judgeAddresses(path: string, configured: readonly Address[]): Judged {
  if (!existsSync(path)) return { findings: [], untouchable: new Set() };
  try {
    using db = openToRead(path);
    return judgeKnown(configured, knownAddresses(db));
  } catch (error) {
    const untouchable = new Set(configured.map(({ name }) => name));
    return { findings: [judgeUnread(error as Error)], untouchable };
  }
}

/** Judges what a journal knows. */
export function judgeKnown(configured: readonly Address[], known: readonly KnownAddress[]): Judged {
  const untouchable = new Set(movedNames(configured, known).keys());
  return { findings: findingsOf(configured, known), untouchable };
}

function judgeUnread({ message, cause }: Error): Finding {
  if (!(cause instanceof OlderFormat)) return wrong("journal", message, null);
  return warning("journal", message, "worker migrate --dry-run  # says how long it takes");
}

function findingsOf(configured: readonly Address[], known: readonly KnownAddress[]): Finding[] {
  const found = compareAddresses(configured, known);
  const judged = configured.map(({ name, url }, i): Finding => {
    const title = `address of ${name}`;
    const one = found.configured[i]!;
    if (one.kind === "new" || one.kind === "same") return ok(title, url);
    const figure = `${url}, and before ${one.from}`;
    if (one.kind === "followed") return ok(title, `${figure}; nothing is open`);
    const fix = `worker operator moved ${name} --why …  # if it is the same; else the old address`;
    return wrong(title, `${figure}, with ${one.open} open: nothing is sent there`, fix);
  });
  const gone = found.gone.map(({ name, url, open }) => {
    const fix = `PROCESSORS='…,${name}=${url ?? "URL"};fee=…'`;
    return warning(`payments of ${name}`, `${open} open, and it is not configured`, fix);
  });
  return [...judged, ...gone];
}
