/**
 * The file of a unix socket outlives a process that was killed, and as long as it is there nobody can
 * listen at its path. So a start removes it, unless somebody answers. Bun removes it when the server
 * stops.
 *
 * Two that start at the same path in the same instant may both find nobody there; the one that listens
 * first is then cut off from its path. A lock would be one more file to be left behind.
 */
import { accessSync, chmodSync, constants, lstatSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import { socketPathOf } from "../shared/healthcheck.ts";
import { causeOf } from "../shared/net/own-fault.ts";

/** Makes room for a socket where `host` names one; rejects with one sentence when that cannot be. */
export async function claimSocket(host: string): Promise<void> {
  const path = socketPathOf(host);
  if (path === null) return;
  refuseFolder(dirname(path));
  const file = lstatSync(path, { throwIfNoEntry: false });
  if (file === undefined) return;
  if (!file.isSocket()) throw new Error(`HOST: ${path} is there already, and is no socket`);
  if (await isAnswered(path)) throw new Error(`HOST: ${path} is in use: somebody answers there`);
  unlinkSync(path);
}

/** Options for Bun.serve, whose types have no idle timeout for a unix socket; the server itself has one. */
export function listenAt({ HOST, PORT }: { readonly HOST: string; readonly PORT: number }) {
  const unix = socketPathOf(HOST);
  const there = unix === null ? { port: PORT, hostname: HOST, reusePort: true } : { unix };
  return there as { readonly port?: number; readonly hostname?: string };
}

/** A load balancer runs as another user than the API: the socket's folder says who gets in. */
export function letEverybodyConnect(path: string): void {
  chmodSync(path, 0o666);
}

function refuseFolder(folder: string): void {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    const isMissing = (error as Error & { code?: unknown }).code === "ENOENT";
    const trouble = isMissing ? "does not exist" : "cannot be written to";
    throw new Error(`HOST: the folder ${folder} ${trouble}`, { cause: error });
  }
}

/**
 * Asks by fetch, since Bun.connect says of a socket with a full queue that it refuses, as it says
 * of a dead one.
 */
async function isAnswered(path: string): Promise<boolean> {
  try {
    await fetch("http://localhost/livez", {
      unix: path,
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
    return true;
  } catch (error) {
    const { code } = error as Error & { code?: unknown };
    return causeOf(String(code), false) !== "ECONNREFUSED";
  }
}
const ANSWER_MS_MAX = 1_000;
