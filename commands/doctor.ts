/**
 * Runs `worker doctor`: what this machine has for a worker with these settings, against what one
 * needs, each with the line that mends it. A running worker is not disturbed: its lock is not
 * touched, its ports are not bound while they are taken, and its processors are asked once, for
 * something that is not limited while it asks for their health itself.
 */
import { existsSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { lookup } from "node:dns/promises";
import { argumentsOrExit, refuseArguments } from "../shared/arguments.ts";
import { say } from "../shared/say.ts";
import { isPrivateAddress } from "../shared/link/reach.ts";
import { integer, setting } from "../shared/settings.ts";
import { judgeAddresses } from "./doctor/addresses.ts";
import { judgeDatabase } from "./doctor/database.ts";
import { warning, wrong, type Finding } from "./doctor/finding.ts";
import { judgeHaproxy } from "./doctor/haproxy.ts";
import {
  judgeClock,
  judgeDescriptors,
  judgePortRange,
  judgePortReuse,
  judgeProxy,
  judgePurge,
  judgeReceiveBuffer,
  judgeSecret,
  judgeSpace,
  judgeSync,
  type LinkReach,
} from "./doctor/judge.ts";
import { growthPerDay, judgeJournal } from "./doctor/journal.ts";
import { descriptorLimit, folderOf, freeBytes, kernelNumbers } from "./doctor/machine.ts";
import { sampleSync, watchClock } from "./doctor/machine.ts";
import { isOurWorker, judgePort, judgeProcessor } from "./doctor/neighbours.ts";
import { proveProcessor } from "./doctor/prove.ts";
import { judgeRules } from "./doctor/rules.ts";
import { judgeWebhooks } from "./doctor/webhooks.ts";
import { judgeRunning } from "./doctor/running.ts";
import { callsInFlightMax } from "../worker/calls.ts";
import { isPostgres } from "../worker/journal-url.ts";
import { foundProxy } from "../worker/proxy.ts";
import { readWithProcessors, workerSettings, type WorkerSettings } from "../worker/settings.ts";
import { plain } from "./text-table.ts";

const USAGE = `usage: worker doctor [--haproxy PATH | --processor NAME --yes] [--json]

Looks at this machine with the settings that a worker would have: buffers, disk, clock, limits, ports,
processors, secrets. Whether a worker runs or not; it changes nothing.

  --haproxy PATH   a haproxy.cfg, whose timeouts are compared with ours (and ACK_TIMEOUT_MS), and whose
                   rules with those that this gateway counts on
  --processor NAME look at nothing of this machine, but at this processor's promises
                   (docs/PROCESSORS.md, P1 to P6), by charging it a little: only with --yes; without
                   it, what that would be. It touches no journal, and runs beside a worker
  --amount N       what is charged, twice if all is well: 1.00, unless another is given
  --source TEXT    what is charged, such as a token of a test card: the payment's source
  --json
  --help, --version

Exit code 0: nothing is wrong. 1: something is, or a promise is broken. 2: it could not be asked.
`;

const LINE = {
  usage: USAGE,
  options: {
    haproxy: { type: "string" },
    processor: { type: "string" },
    yes: { type: "boolean" },
    amount: { type: "string" },
    source: { type: "string" },
    json: { type: "boolean" },
  },
} as const;

/** An API's setting, which the load balancer waits for. */
const ACK_TIMEOUT_MS = setting("1000", "as the APIs have it", integer(10, 60_000));

export async function doctorByHand(args: readonly string[]): Promise<0 | 1 | 2> {
  const { values } = argumentsOrExit(LINE, args);
  const { processor, haproxy } = values;
  if (processor !== undefined && haproxy !== undefined) {
    refuseArguments(USAGE, "--haproxy has nothing to do with --processor");
  }
  const stray = (["yes", "amount", "source"] as const).find((name) => values[name] !== undefined);
  if (processor === undefined && stray !== undefined) {
    refuseArguments(USAGE, `--${stray} goes with --processor NAME`);
  }
  if (processor === undefined) return await doctorWith(values, process.env);
  return await proveProcessor({ ...values, processor }, process.env);
}

async function doctorWith(
  options: { readonly haproxy?: string; readonly json?: boolean },
  env: Record<string, string | undefined>,
): Promise<0 | 1> {
  const read = readWithProcessors({ ...workerSettings, ACK_TIMEOUT_MS }, env);
  const config = options.haproxy === undefined ? null : readConfig(options.haproxy);
  // Settings that no worker would start with leave nothing to measure by.
  const findings = read.ok
    ? await examine(read.settings, env)
    : [wrong("settings", read.reason, "worker --help")];
  if (config !== null && read.ok) {
    findings.push(...judgeHaproxy(config, read.settings.ACK_TIMEOUT_MS), ...judgeRules(config));
  }
  const isWrong = findings.some(({ verdict }) => verdict === "wrong");
  const answer = { ok: !isWrong, findings };
  say(options.json ? `${JSON.stringify(answer, null, 2)}\n` : describe(findings));
  return isWrong ? 1 : 0;
}

async function examine(
  settings: WorkerSettings,
  env: Record<string, string | undefined>,
): Promise<Finding[]> {
  const clock = watchClock();
  const isDatabase = isPostgres(settings.JOURNAL);
  const { HTTP_HOST, HTTP_PORT, LINK_HOST, LINK_PORT, PROCESSORS } = settings;
  const runs = HTTP_PORT !== 0 && (await isOurWorker(HTTP_HOST, HTTP_PORT));
  const addresses = isDatabase
    ? await judgeDatabase(settings)
    : judgeAddresses(settings.JOURNAL, PROCESSORS);
  const processors = await Promise.all(
    PROCESSORS.map((each) =>
      addresses.untouchable.has(each.name)
        ? [
            warning(
              `processor ${each.name}`,
              "not asked: the journal does not say that its payments belong there",
              null,
            ),
          ]
        : judgeProcessor(each, runs),
    ),
  );
  const [reuse = null] = kernelNumbers("net.ipv4.tcp_tw_reuse") ?? [];
  const [rmemMax = null] = kernelNumbers("net.core.rmem_max") ?? [];
  const range = kernelNumbers("net.ipv4.ip_local_port_range") as [number, number] | null;
  const allLocal = PROCESSORS.every(({ url }) => isLoopback(new URL(url).hostname));
  const calls = callsInFlightMax(PROCESSORS.length) * PROCESSORS.length;
  return [
    ...(runs ? await judgeRunning(settings) : []),
    ...(isDatabase ? [] : judgeFile(settings, runs)),
    judgeReceiveBuffer(rmemMax),
    judgePortRange(range),
    judgePortReuse(reuse, allLocal),
    judgeDescriptors(descriptorLimit(), calls),
    await judgePort("tcp", ["HTTP_PORT", HTTP_HOST, HTTP_PORT], runs),
    await judgePort("udp", ["LINK_PORT", LINK_HOST, LINK_PORT], runs),
    ...processors.flat(),
    ...(await judgeWebhooks(settings)),
    ...addresses.findings,
    judgeSecret(LINK_HOST, await reachOf(LINK_HOST), settings.LINK_SECRET),
    judgePurge(settings.PURGE_ENABLED, settings.ADMIN_TOKEN !== null),
    judgeProxy(foundProxy(env)),
    // The clock is read last, so that it is watched as long as the others take.
    judgeClock(clock()),
  ];
}

/** Judges the file and its disk; a file that a worker has open is that worker's to judge. */
function judgeFile({ JOURNAL, JOURNAL_SYNC }: WorkerSettings, runs: boolean): Finding[] {
  const folder = folderOf(JOURNAL);
  const journal = { path: JOURNAL, exists: existsSync(JOURNAL) };
  return [
    ...(runs ? [] : judgeJournal(JOURNAL)),
    judgeSync(sampleSync(folder), JOURNAL_SYNC, journal),
    judgeSpace(freeBytes(folder), folder, journal, growthPerDay(JOURNAL, Date.now())),
  ];
}

async function reachOf(host: string): Promise<LinkReach> {
  const found = await lookup(host).catch(() => null);
  if (found === null) return "unresolved";
  if (isLoopback(found.address)) return "loopback";
  return isPrivateAddress(found.address) ? "private" : "public";
}

function isLoopback(host: string): boolean {
  const address = host.replace(/^\[|\]$/g, "");
  if (address === "localhost" || address === "::1") return true;
  return isIP(address) === 4 && address.startsWith("127.");
}

function describe(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  return findings
    .map(({ name, verdict, figure, fix }) => {
      const line = `${verdict.padEnd(7)}  ${name.padEnd(width)}  ${plain(figure)}\n`;
      return fix === null ? line : `${line}${" ".repeat(9)}→ ${fix}\n`;
    })
    .join("");
}

function readConfig(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(`--haproxy ${path}: ${(error as Error).message}`, { cause: error });
  }
}
