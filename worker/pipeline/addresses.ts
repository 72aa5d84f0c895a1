/** At start: what another address of a processor means for its lane, a line each (worker/addresses.ts). */
import type { PipelineOptions } from "../pipeline.ts";

export async function compareAddresses(options: PipelineOptions): Promise<void> {
  const { journal, router, urls, log } = options;
  const names = router.lanes.map(({ name }) => name);
  const { configured, gone } = await journal.addresses(
    names.map((name, lane) => ({ name, url: urls[lane] as string })),
  );
  for (const [lane, found] of configured.entries()) {
    if (found.kind === "new" || found.kind === "same") continue;
    const processor = names[lane] as string;
    const line = { processor, from: found.from, to: urls[lane] };
    if (found.kind === "followed") {
      log.warn(line, "the processor has another address; no payment is open at the old one");
      continue;
    }
    router.lane(lane).movedFrom = found.from;
    const { open } = found;
    log.error({ ...line, open }, `nothing is sent to ${processor}: ${waysOut(processor)}`);
  }
  for (const { name: processor, url, open } of gone) {
    const at = names[urls.indexOf(url ?? "")] ?? null;
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
