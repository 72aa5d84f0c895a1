/**
 * Reads strace's output about a gateway as what matters of one payment. strace stops a thread before a
 * call runs and after it has run, and writes its lines in that order, so the order of lines is the order
 * of things: a call that begins on a later line than another ended has seen what that one did.
 */
import { run } from "../../testing/process.ts";

export type Call = {
  readonly name: string;
  /** Arguments and result. */
  readonly text: string;
  /**
   * Lines of the file; two of them when other threads were heard in between. A call that its process did not
   * live to see the end of has ended nowhere: `Infinity`.
   */
  readonly beganAt: number;
  readonly endedAt: number;
  /** Milliseconds since 1970 at which it began, with strace's `-ttt`; else NaN. */
  readonly beganAtMs: number;
};

export type PaymentTrace = {
  /**
   * True when its datagram came to the worker, its verdict left there, its 202 left the API: all in
   * this order.
   */
  readonly isOrdered: boolean;
  /** True when the log was written to between its datagram and its verdict. */
  readonly isWritten: boolean;
  /**
   * True when the log was synced by whoever wrote to it, after the last of these writes and before the
   * verdict left. The checkpoint's thread has the log open as well, and may sync it at any time.
   */
  readonly isSynced: boolean;
  readonly lines: readonly string[];
};

export const TRACED =
  "fsync,fdatasync,pwrite64,write,writev,sendto,sendmsg,sendmmsg,recvfrom,recvmsg,recvmmsg";

export function parseTrace(text: string): Call[] {
  const calls: Call[] = [];
  const unfinished = new Map<string, Omit<Call, "endedAt">>();
  for (const [line, content] of text.split("\n").entries()) {
    const resumed = /^(\d+)\s+(?:[\d.]+\s+)?<\.\.\. (\w+) resumed>(.*)$/.exec(content);
    if (resumed !== null) {
      const [, thread = "", name = "", rest = ""] = resumed;
      const began = unfinished.get(thread);
      if (began?.name !== name) continue;
      unfinished.delete(thread);
      calls.push({ ...began, text: began.text + rest, endedAt: endOf(rest, line) });
      continue;
    }
    const match = /^(\d+)\s+(?:([\d.]+)\s+)?(\w+)\((.*)$/.exec(content);
    if (match === null) continue;
    const [, thread = "", seconds, name = "", rest = ""] = match;
    const beganAtMs = Number(seconds ?? Number.NaN) * 1_000;
    const cut = rest.indexOf("<unfinished ...>");
    if (cut === -1) {
      calls.push({ name, text: rest, beganAt: line, endedAt: endOf(rest, line), beganAtMs });
    } else unfinished.set(thread, { name, text: rest.slice(0, cut), beganAt: line, beganAtMs });
  }
  for (const call of unfinished.values()) calls.push({ ...call, endedAt: Infinity });
  return calls;
}

/** A call that its process did not live to see the end of has no result. */
function endOf(text: string, line: number): number {
  return text.endsWith("= ?") ? Number.POSITIVE_INFINITY : line;
}

/** Null when there is a strace that may trace. */
export async function whyNoTrace(): Promise<string | null> {
  if (Bun.which("strace") === null) return "skipped: there is no strace";
  const { code } = await run(["strace", "-f", "-o", "/dev/null", "true"]);
  return code === 0 ? null : "skipped: strace may not trace here";
}

/** Null when the trace does not hold the payment's datagram, verdict and 202. */
export function traceOf(
  calls: readonly Call[],
  id: string,
  { linkPort, logPath }: { readonly linkPort: number; readonly logPath: string },
): PaymentTrace | null {
  const about = calls.filter(({ text }) => text.includes(id));
  const atLink = ({ text }: Call) => new RegExp(`^\\d+<UDP[^>]*:${linkPort}\\]`).test(text);
  const arrived = about.find((call) => call.name.startsWith("recv") && atLink(call));
  const verdict = about.find((call) => call.name.startsWith("send") && atLink(call));
  const answered = about.find(
    ({ name, text }) => /^(send|write)/.test(name) && text.includes("HTTP/1.1 202"),
  );
  if (arrived === undefined || verdict === undefined || answered === undefined) return null;

  const onLog = calls.filter(
    ({ text, beganAt, endedAt }) =>
      text.includes(`<${logPath}>`) && beganAt > arrived.endedAt && endedAt < verdict.beganAt,
  );
  const lastWrite = onLog.findLast(({ name }) => name === "pwrite64");
  const isSynced = onLog.some(
    ({ name, text, beganAt }) =>
      /^f(data)?sync$/.test(name) &&
      descriptorOf(text) === descriptorOf(lastWrite?.text ?? "") &&
      text.endsWith("= 0") &&
      lastWrite !== undefined &&
      beganAt > lastWrite.endedAt,
  );
  return {
    isOrdered: arrived.endedAt < verdict.beganAt && verdict.beganAt < answered.beganAt,
    isWritten: lastWrite !== undefined,
    isSynced,
    lines: [arrived, ...onLog, verdict, answered].map(
      ({ name, text, beganAt, endedAt }) => `${beganAt}-${endedAt} ${name} ${text.slice(0, 120)}`,
    ),
  };
}

function descriptorOf(text: string): string {
  return /^\d*/.exec(text)![0];
}
