/** At start: what another address of a processor means for its lane, a line each (worker/addresses.ts). */
import type { Log } from "../../shared/log.ts";
import type { Journal } from "../journal.ts";
import type { Lane, Lanes } from "../lane.ts";

export async function compareAddresses(journal: Journal, lanes: Lanes, log: Log): Promise<void> {
  const { configured, gone } = await journal.addresses(lanes.all);
  const moved: { readonly lane: Lane; readonly line: object }[] = [];
  for (const [i, found] of configured.entries()) {
    if (found.kind === "new" || found.kind === "same") continue;
    const lane = lanes.all[i] as Lane;
    const line = { processor: lane.name, from: found.from, to: lane.url };
    if (found.kind === "followed") {
      log.warn(line, "the processor has another address; no payment is open at the old one");
      continue;
    }
    lane.movedFrom = found.from;
    moved.push({ lane, line: { ...line, open: found.open } });
  }
  for (const { name: processor, url, open } of gone) {
    const at = lanes.all.find((lane) => lane.url === url) ?? null;
    if (at !== null) at.addressOf = processor;
    const why = "payments wait for a processor that is not configured any more";
    log.warn({ processor, url, open, configuredThereNow: at?.name ?? null }, why);
  }
  for (const { lane, line } of moved) {
    log.error(line, `nothing is sent to ${lane.name}: ${waysOut(lane.name, lanes.holderOf(lane))}`);
  }
}

function waysOut(processor: string, holder: string | null): string {
  if (holder !== null) {
    return (
      `it has the address that the journal has for ${holder}, while payments are open. Start with the ` +
      "old addresses again"
    );
  }
  return (
    "it has another address while payments are open. If it is the same processor: worker operator " +
    `moved ${processor} --why TEXT; if not, start with the old address again`
  );
}
