/** Says what another address of a processor means for its lane, a line each (worker/addresses.ts), and ends it. */
import type { Incidents } from "../../shared/incidents.ts";
import type { Log } from "../../shared/log.ts";
import type { Journal } from "../journal.ts";
import type { Lane, Lanes } from "../lane.ts";

export async function compareAddresses(
  journal: Journal,
  lanes: Lanes,
  incidents: Pick<Incidents, "begin">,
  log: Log,
): Promise<void> {
  const { configured, gone } = await journal.addresses(lanes.all);
  const moved: { readonly lane: Lane; readonly open: number }[] = [];
  for (const [i, found] of configured.entries()) {
    if (found.kind === "new" || found.kind === "same") continue;
    const lane = lanes.all[i] as Lane;
    if (found.kind === "followed") {
      const line = { processor: lane.name, from: found.from, to: lane.url };
      log.warn(line, "the processor has another address; no payment is open at the old one");
      continue;
    }
    lane.movedFrom = found.from;
    moved.push({ lane, open: found.open });
  }
  for (const { name: processor, url, open } of gone) {
    const at = lanes.all.find((lane) => lane.url === url) ?? null;
    if (at !== null) at.addressOf = processor;
    const why = "payments wait for a processor that is not configured any more";
    log.warn({ processor, url, open, configuredThereNow: at?.name ?? null }, why);
  }
  for (const { lane, open } of moved) {
    const { name, movedFrom: from, url: to } = lane;
    const details = { from, to, open, wayOut: wayOut(name, lanes.holderOf(lane)) };
    incidents.begin("processor-moved", name, { details });
  }
}

/** The journal has the configured address: calls may go there. */
export function confirmAddress(lane: Lane, incidents: Pick<Incidents, "end">): void {
  lane.movedFrom = null;
  incidents.end("processor-moved", lane.name);
}

function wayOut(processor: string, holder: string | null): string {
  if (holder !== null) {
    return `It has the address that the journal has for ${holder}: start with the old addresses again.`;
  }
  return (
    `If it is the same processor: worker operator moved ${processor} --why TEXT; if not, start with ` +
    "the old address again."
  );
}
