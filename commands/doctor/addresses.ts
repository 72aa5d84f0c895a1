/**
 * Judges whether processors are where the journal has them: one that moved gets nothing
 * (worker/addresses.ts).
 */
import { existsSync } from "node:fs";
import { compareAddresses, knownAddresses, type Address } from "../../worker/addresses.ts";
import { openToRead } from "../../worker/audit/file.ts";
import { ok, warning, wrong, type Finding } from "./finding.ts";

/** Gives nothing when the journal is not there yet. */
export function judgeAddresses(path: string, configured: readonly Address[]): Finding[] {
  if (!existsSync(path)) return [];
  try {
    using db = openToRead(path);
    const found = compareAddresses(configured, knownAddresses(db));
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
  } catch (error) {
    return [wrong("journal", (error as Error).message, null)];
  }
}
