/**
 * Refuses connections while this process has no descriptor left for them. Bun cannot accept them then,
 * is told of them again at once, and spends all its time on that, while their callers wait for nothing.
 * So one descriptor is kept in reserve: it is given up for as long as it takes to answer the next
 * connection 503 and to close it. Connections that there are go on as before.
 */
import { dlopen } from "bun:ffi";
import { closeSync, openSync, readdirSync } from "node:fs";
import { atTheLatestIn } from "../clock.ts";
import type { Incidents } from "../incidents.ts";

/** Time between looks: two calls of the kernel each, most of what an idle process did when it was 50 ms. */
const LOOK_MS = 500;
/** The same while few are open, as far as the lowest free one tells: hundreds would have to come in between. */
const LOOK_WHILE_FEW_MS = 1_000;
const FEW = 64;
/** Time between looks while it is full: the longest that a caller waits, and that Bun spins. */
const LOOK_WHILE_FULL_MS = 5;
/** Most refusals of one look, so that the connected get their turn. */
const REFUSALS_MAX = 256;

const SOL_SOCKET = 1;
const SO_ACCEPTCONN = 30;
const SOCK_NONBLOCK = 0x800;
const MSG_NOSIGNAL = 0x4000;
const SHUT_WR = 1;

const DETAIL = JSON.stringify({ title: "Service Unavailable", status: 503, detail: "Full." });
const REFUSAL = Buffer.from(
  `HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\n` +
    `Content-Length: ${DETAIL.length}\r\nRetry-After: 1\r\nConnection: close\r\n\r\n${DETAIL}`,
);

/** Refuses for all that listens in this process now; for nothing where there is no C library to ask. */
export function refuseWhenFull(incidents: Pick<Incidents, "tell">): void {
  const kernel = openKernel();
  if (kernel === null) return;
  const listening = readdirSync("/proc/self/fd").map(Number).filter(kernel.listens);
  let reserve = openAny();
  let refused = 0;
  const counts = () => ({ refused });
  const look = () => {
    const spare = openAny();
    const isFull = spare === null;
    incidents.tell("no-descriptors", null, isFull ? { counts } : null);
    if (isFull && reserve !== null) {
      closeSync(reserve);
      for (const socket of listening) refused += kernel.refuseAll(socket);
      reserve = openAny();
    } else if (reserve === null) reserve = spare;
    else if (spare !== null) closeSync(spare);
    const calmMs = spare !== null && spare < FEW ? LOOK_WHILE_FEW_MS : LOOK_MS;
    const everyMs = isFull ? LOOK_WHILE_FULL_MS : calmMs;
    atTheLatestIn(everyMs, look);
  };
  look();
}

function openAny(): number | null {
  try {
    return openSync("/dev/null", "r");
  } catch {
    return null; // The process is full.
  }
}

function openKernel() {
  try {
    const { symbols } = dlopen("libc.so.6", {
      accept4: { args: ["i32", "ptr", "ptr", "i32"], returns: "i32" },
      close: { args: ["i32"], returns: "i32" },
      getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
      recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
      send: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
      shutdown: { args: ["i32", "i32"], returns: "i32" },
    });
    const value = new Int32Array(1);
    const length = new Uint32Array(1);
    const request = Buffer.alloc(64 * 1024);
    const listens = (fd: number): boolean => {
      length[0] = 4;
      const failed = symbols.getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, value, length) !== 0;
      return !failed && value[0] === 1;
    };
    const refuse = (fd: number): void => {
      // An unread request would make the kernel break the connection off, and the answer be lost.
      symbols.recv(fd, request, request.length, 0);
      symbols.send(fd, REFUSAL, REFUSAL.length, MSG_NOSIGNAL);
      symbols.shutdown(fd, SHUT_WR);
      symbols.close(fd);
    };
    const refuseAll = (listening: number): number => {
      if (!listens(listening)) return 0; // It was closed, and its number may be another socket's.
      for (let refused = 0; refused < REFUSALS_MAX; refused++) {
        const fd = symbols.accept4(listening, null, null, SOCK_NONBLOCK);
        if (fd < 0) return refused;
        refuse(fd);
      }
      return REFUSALS_MAX;
    };
    return { listens, refuseAll };
  } catch {
    return null; // There is no glibc under that name.
  }
}
