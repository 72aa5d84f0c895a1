/**
 * Compares the load balancer's timeouts with ours: the one that gives up first decides what a
 * caller sees.
 */
import { HTTP_IDLE_SECONDS } from "../../shared/limits.ts";
import { ok, warning, wrong, type Finding } from "./finding.ts";

/** Time that a purge may take at the worker; an API adds what it waits itself. */
const ANSWER_MS_MAX = 4_000;
/** HAProxy's own default. */
const HAPROXY_PURGE_MS = 5_000;
const UNIT_MS: Record<string, number> = {
  us: 0.001,
  ms: 1,
  "": 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** The values of every `timeout NAME` and `pool-purge-delay`, of all sections, in milliseconds. */
export function timeoutsIn(config: string): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const line of config.split("\n")) {
    const words = line.replace(/#.*/, "").trim().split(/\s+/);
    for (const [at, word] of words.entries()) {
      const isTimeout = word === "timeout" && at === 0;
      if (!isTimeout && word !== "pool-purge-delay") continue;
      const name = isTimeout ? (words[1] ?? "") : word;
      const ms = millisecondsOf(words[at + (isTimeout ? 2 : 1)] ?? "");
      if (ms !== null) found.set(name, [...(found.get(name) ?? []), ms]);
    }
  }
  return found;
}

function millisecondsOf(text: string): number | null {
  const match = /^(\d+)(us|ms|s|m|h|d)?$/.exec(text);
  return match === null ? null : Number(match[1]) * (UNIT_MS[match[2] ?? ""] as number);
}

/** Several sections may set a timeout: the one that gives up first is looked at. */
export function judgeHaproxy(config: string, ackTimeoutMs: number): Finding[] {
  const timeouts = timeoutsIn(config);
  const shortest = (name: string) => {
    const found = timeouts.get(name);
    return found === undefined ? null : Math.min(...found);
  };
  const atLeastMs = Math.max(ANSWER_MS_MAX, ackTimeoutMs) + 1_000;
  const good = `${Math.max(10, Math.ceil(atLeastMs / 1_000))}s`;
  const hangs = "without one a silent peer holds a connection for ever";
  return [
    judge("server", shortest("server"), atLeastMs, "answers may take nearly as long", good),
    judge("connect", shortest("connect"), 1, hangs, "500ms"),
    judge("client", shortest("client"), 1, hangs, "60s"),
    judge("http-request", shortest("http-request"), 1, hangs, "5s"),
    judgeIdle(timeouts.get("pool-purge-delay")),
  ];
}

/** Judges which end closes an idle connection first: it must not be the one that is asked. */
function judgeIdle(purgeMs: number[] = [HAPROXY_PURGE_MS]): Finding {
  const name = "load balancer: idle connections";
  const [there, here] = [Math.max(...purgeMs), HTTP_IDLE_SECONDS * 1_000];
  const figure = `kept there for ${there} ms, closed here after ${here} ms`;
  return there < here
    ? ok(name, figure)
    : wrong(name, `${figure}: requests meet closed ones`, "default-server pool-purge-delay 20s");
}

function judge(
  timeout: string,
  ms: number | null,
  atLeastMs: number,
  because: string,
  good: string,
): Finding {
  const name = `load balancer: timeout ${timeout}`;
  const fix = `timeout ${timeout} ${good}`;
  if (ms === null) return warning(name, `not set; ${because}`, fix);
  if (ms >= atLeastMs) return ok(name, `${ms} ms`);
  return wrong(name, `${ms} ms, at least ${atLeastMs}: ${because}`, fix);
}
