/**
 * Measures how long POST /payments takes at a steady 1 000 a second when the network between API and
 * worker loses every tenth datagram, in both directions, against the same network when it loses none. The
 * network is a relay in this process. Every payment must be answered 202 all the same, and settled once.
 */
import { Relay, SMOOTH } from "../../testing/relay.ts";
import { Checks, rowOf, type BenchContext, type Row, type Target } from "../benchmark.ts";
import type { LoadReport } from "../load/plan.ts";
import { seededRandom } from "../../testing/random.ts";
import { auditJournal, auditSums } from "./audit.ts";
import { acceptedOf, loadStack, steadily } from "./payments.ts";
import { startStack } from "./stack.ts";
import { plus } from "./sums.ts";

export const name = "system/link-loss";

const RATE = 1_000;
const LOST = 0.1;
const PERCENTILES: readonly ["p50Ms" | "p99Ms", string, Target[]][] = [
  ["p50Ms", "p50", []],
  ["p99Ms", "p99", [{ op: "<=", value: 60, of: "figure" }]],
];

export async function run(context: BenchContext): Promise<Row[]> {
  const load = steadily(RATE, context);
  const checks = new Checks();
  const smooth: LoadReport[] = [];
  const lossy: LoadReport[] = [];
  for (let round = 0; round < context.runs; round++) {
    const relays: Relay[] = [];
    await using stack = await startStack(context, {
      sync: "normal",
      between: async (port) => {
        const relay = await Relay.start({ address: "127.0.0.1", port }, seededRandom(round));
        relays.push(relay);
        return relay;
      },
    });
    const [relay] = relays as [Relay];
    const whole = await loadStack(stack, load, checks);
    relay.trouble = { ...SMOOTH, lost: LOST };
    const holed = await loadStack(stack, load, checks);
    checks.equal("whether the network lost anything", relay.stats.lost > 0, true);
    const accepted = plus(acceptedOf(whole), acceptedOf(holed));
    await auditSums(stack, accepted, checks);
    await auditJournal(stack, accepted, checks);
    smooth.push(whole);
    lossy.push(holed);
  }
  return PERCENTILES.map(([percentile, what, targets]) =>
    rowOf(
      `link loses 10 %, ${RATE}/s: ${what}`,
      "ms",
      {
        figures: lossy.map((one) => one[percentile]),
        baselines: smooth.map((one) => one[percentile]),
      },
      checks,
      "of datagrams each way; against the same relay when it loses none; no payment is lost",
      targets,
    ),
  );
}
