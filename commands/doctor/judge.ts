/** Judges what a figure of the machine means for a worker. Pure: each function is given what was read. */
import { basename, dirname } from "node:path";
import { RECEIVE_BUFFER_BYTES } from "../../shared/limits.ts";
import { isShort } from "../../shared/link/reach.ts";
import type { Secrets } from "../../shared/settings.ts";
import { ok, warning, wrong, type Finding } from "./finding.ts";

const MIB = 2 ** 20;
const GIB = 2 ** 30;

export function judgeReceiveBuffer(rmemMaxBytes: number | null): Finding {
  const name = "receive buffer";
  if (rmemMaxBytes === null) return warning(name, "net.core.rmem_max cannot be read here", null);
  const figure = `net.core.rmem_max ${rmemMaxBytes}, asked for ${RECEIVE_BUFFER_BYTES}`;
  if (rmemMaxBytes >= RECEIVE_BUFFER_BYTES) return ok(name, figure);
  return warning(name, figure, `sudo sysctl -w net.core.rmem_max=${RECEIVE_BUFFER_BYTES}`);
}

export type SyncSample = {
  readonly directory: string;
  /** True for tmpfs and the like: nothing there outlives the machine. */
  readonly isMemory: boolean;
  readonly p50Ms: number;
  readonly p99Ms: number;
};

/** The path that `JOURNAL` names, and whether there is one: what it knows may not be left behind. */
export type JournalAt = { readonly path: string; readonly exists: boolean };

function inFolder({ path, exists }: JournalAt, folder: string): string {
  const name = basename(path);
  const set = `JOURNAL=sqlite:${folder}/${name}`;
  return exists ? `stop the worker, move ${name}, -wal and -shm to ${folder}, then ${set}` : set;
}

/** A commit is acknowledged after a sync, and shared by all that arrived during the last one. */
const SYNC_MS_SLOW = 20;
const SYNC_MS_HOPELESS = 200;

export function judgeSync(
  sample: SyncSample | string,
  sync: "full" | "normal" | "off",
  journal: JournalAt,
): Finding {
  const name = "sync of the journal's disk";
  if (typeof sample === "string") {
    const isFull = /\b(?:ENOSPC|EDQUOT)\b/.test(sample);
    const fix = inFolder(journal, "/a/folder/that/can/be/written");
    return wrong(name, sample, isFull ? roomFor(journal) : fix);
  }
  const { directory, isMemory, p50Ms, p99Ms } = sample;
  const figure = `p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms in ${directory}`;
  if (sync === "off") return warning(name, `${figure}; JOURNAL_SYNC=off`, "JOURNAL_SYNC=full");
  const disk = inFolder(journal, "/on/a/disk");
  if (isMemory && sync === "full") {
    return wrong(name, `${figure}, which is memory: a power cut takes everything`, disk);
  }
  if (isMemory) return warning(name, `${figure}, which is memory`, disk);
  if (p50Ms > SYNC_MS_HOPELESS) return wrong(name, figure, disk);
  return p50Ms > SYNC_MS_SLOW ? warning(name, figure, disk) : ok(name, figure);
}

const FREE_BYTES_LOW = 5 * GIB;
const FREE_BYTES_MIN = 256 * MIB;

function roomFor(journal: JournalAt): string {
  const other = inFolder(journal, "/where/there/is/room");
  return `df -h ${dirname(journal.path)}  # make room; or ${other}`;
}

function sizeOf(bytes: number): string {
  return bytes < GIB ? `${(bytes / MIB).toFixed(1)} MiB` : `${(bytes / GIB).toFixed(1)} GiB`;
}

export function judgeSpace(
  freeBytes: number | null,
  directory: string,
  journal: JournalAt,
  /** Bytes that the journal grows by in a day; null when nothing can be said. */
  dayBytes: number | null = null,
): Finding {
  const name = "disk space";
  if (freeBytes === null) return warning(name, `${directory} cannot be asked`, null);
  const free = `${sizeOf(freeBytes)} free in ${directory}`;
  const fix = roomFor(journal);
  const figure =
    dayBytes === null ? free : `${free}; the journal grows by ${sizeOf(dayBytes)} a day`;
  if (dayBytes !== null && dayBytes >= freeBytes) {
    const hours = Math.floor((freeBytes / dayBytes) * 24);
    return wrong(name, `${figure}: it is full in ${hours} h`, fix);
  }
  if (freeBytes < FREE_BYTES_MIN) return wrong(name, figure, fix);
  return freeBytes < FREE_BYTES_LOW ? warning(name, figure, fix) : ok(name, figure);
}

export type ClockReading = {
  /** Milliseconds by which the wall clock and the steady one have moved apart while they were watched. */
  readonly stepMs: number;
  readonly watchedMs: number;
  /** The kernel's word on it; null where it cannot be asked. */
  readonly synchronised: boolean | null;
};

const STEP_MS_MAX = 20;

export function judgeClock({ stepMs, watchedMs, synchronised }: ClockReading): Finding {
  const name = "clock";
  const said = { true: "synchronised", false: "not synchronised", null: "nobody can say" };
  const state = said[`${synchronised}`];
  const figure = `moved by ${stepMs.toFixed(1)} ms in ${Math.round(watchedMs)} ms; the kernel: ${state}`;
  const fix = "sudo timedatectl set-ntp true";
  const isSteady = Math.abs(stepMs) <= STEP_MS_MAX;
  return isSteady && synchronised !== false ? ok(name, figure) : warning(name, figure, fix);
}

/** Listeners, the journal's files, threads, and connections of APIs, dashboards and scrapers. */
const DESCRIPTORS_BESIDE_CALLS = 512;

export function judgeDescriptors(limit: number | null, callsMax: number): Finding {
  const name = "file descriptors";
  const needed = callsMax + DESCRIPTORS_BESIDE_CALLS;
  if (limit === null) return warning(name, `the limit cannot be read; ${needed} are needed`, null);
  const figure = `${limit} allowed to this process, ${needed} needed`;
  if (limit >= needed) return ok(name, figure);
  return wrong(name, figure, `ulimit -n ${Math.max(65_536, needed)}`);
}

/** A port in TIME_WAIT is lost for a minute. */
const PORTS_WANTED = 28_000;
const WIDE = "sudo sysctl -w net.ipv4.ip_local_port_range='1024 65535'";

export function judgePortRange(range: readonly [number, number] | null): Finding {
  const name = "ports for outgoing calls";
  if (range === null) return warning(name, "ip_local_port_range cannot be read here", null);
  const count = range[1] - range[0] + 1;
  const figure = `${count} (${range[0]} to ${range[1]})`;
  return count >= PORTS_WANTED ? ok(name, figure) : warning(name, figure, WIDE);
}

/** Takes the kernel's setting: 1 for all, 2 for loopback only. */
export function judgePortReuse(tcpTwReuse: number | null, allLocal: boolean): Finding {
  const name = "reuse of ports";
  if (tcpTwReuse === null) return warning(name, "tcp_tw_reuse cannot be read here", null);
  const figure = `net.ipv4.tcp_tw_reuse ${tcpTwReuse}`;
  if (tcpTwReuse === 1 || (tcpTwReuse === 2 && allLocal)) return ok(name, figure);
  return warning(name, figure, "sudo sysctl -w net.ipv4.tcp_tw_reuse=1");
}

export type LinkReach = "loopback" | "private" | "public" | "unresolved";

export function judgeSecret(host: string, reach: LinkReach, secrets: Secrets | null): Finding {
  const name = "LINK_SECRET";
  const tooShort = secrets !== null && isShort(secrets);
  const said = secrets === null ? "not set" : tooShort ? "set, and short" : "set";
  const figure = `${said}, LINK_HOST ${host} is ${reach}`;
  const fix = "LINK_SECRET=$(openssl rand -hex 32)  # the same for worker and APIs";
  if (reach === "unresolved") return wrong(name, figure, "LINK_HOST=127.0.0.1");
  if (reach === "loopback") return ok(name, figure);
  if (secrets !== null) return tooShort ? wrong(name, figure, fix) : ok(name, figure);
  return reach === "public" ? wrong(name, figure, fix) : warning(name, figure, fix);
}

export function judgePurge(enabled: boolean, hasToken: boolean): Finding {
  const name = "purging";
  if (!enabled) return ok(name, "off");
  if (hasToken) return ok(name, "on, with ADMIN_TOKEN");
  return warning(name, "on, and open to everybody", "ADMIN_TOKEN=$(openssl rand -hex 32)");
}

export function judgeProxy(found: string | null): Finding {
  const name = "proxy";
  if (found === null) return ok(name, "none in the environment");
  return wrong(name, `${found} is set, and the worker does not start with it`, `unset ${found}`);
}
