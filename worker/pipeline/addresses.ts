/** At start: what another address of a processor means for its lane, a line each (worker/addresses.ts). */
import type { Log } from "../../shared/log.ts";
import type { Journal } from "../journal.ts";
import type { Lane } from "../lane.ts";

export async function compareAddresses(
  journal: Journal,
  lanes: readonly Lane[],
  log: Log,
): Promise<void> {
  const { configured, gone } = await journal.addresses(lanes);
  for (const [i, found] of configured.entries()) {
    if (found.kind === "new" || found.kind === "same") continue;
    const lane = lanes[i] as Lane;
    const processor = lane.name;
    const line = { processor, from: found.from, to: lane.url };
    if (found.kind === "followed") {
      log.warn(line, "the processor has another address; no payment is open at the old one");
      continue;
    }
    lane.movedFrom = found.from;
    const { open } = found;
    log.error({ ...line, open }, `nothing is sent to ${processor}: ${waysOut(processor)}`);
  }
  for (const { name: processor, url, open } of gone) {
    const at = lanes.find((lane) => lane.url === url)?.name ?? null;
    const why = "payments wait for a processor that is not configured any more";
    log.warn({ processor, url, open, configuredThereNow: at }, why);
  }
}

function waysOut(processor: string): string {
  return (
    "it has another address while payments are open. If it is the same processor: worker operator " +
    `moved ${processor} --why TEXT; if not, start with the old address again`
  );
}
