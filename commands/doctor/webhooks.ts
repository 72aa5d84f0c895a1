/**
 * Judges where webhooks go: whether the address may be one, and whether somebody listens there. Nothing is
 * sent: a webhook without an event would be one that no shop can make anything of.
 */
import { dial } from "../../shared/net/dial.ts";
import { addressesOf, hostIn } from "../../shared/net/names.ts";
import { peerAt } from "../../shared/net/peer.ts";
import { isPrivate } from "../../shared/net/public.ts";
import type { WorkerSettings } from "../../worker/settings.ts";
import { ok, warning, wrong, type Finding } from "./finding.ts";

const CONNECT_MS_MAX = 3_000;
const NAME = "webhooks";

type Settings = Pick<WorkerSettings, "WEBHOOK_URL" | "WEBHOOK_ALLOW_PRIVATE">;

/** Gives nothing when they are off. The address is shown without its path, which may have a secret in it. */
export async function judgeWebhooks(
  { WEBHOOK_URL: url, WEBHOOK_ALLOW_PRIVATE: allowPrivate }: Settings,
  resolve = addressesOf,
): Promise<Finding[]> {
  if (url === null) return [];
  const { origin, protocol } = new URL(url);
  const addresses = await resolve(hostIn(new URL(url))).catch(() => []);
  const [first] = addresses;
  if (first === undefined) {
    return [wrong(NAME, `${origin} does not resolve`, `getent ahosts ${hostIn(new URL(url))}`)];
  }
  const found = addresses.find(isPrivate);
  if (found !== undefined && !allowPrivate) {
    return [
      wrong(NAME, `${origin} is at ${found}, which is private`, "WEBHOOK_ALLOW_PRIVATE=true"),
    ];
  }
  const reached = await reach(url, resolve);
  if (reached !== null)
    return [wrong(NAME, `no connection to ${origin}: ${reached}`, `curl -i ${origin}`)];
  if (protocol === "http:" && found === undefined) {
    return [warning(NAME, `${origin} is reached, over a network, without TLS`, "https://")];
  }
  return [ok(NAME, `${origin} is reached`)];
}

/** The code of the failure, or null. */
async function reach(url: string, resolve: typeof addressesOf): Promise<string | null> {
  const handler = { binaryType: "buffer" as const, data() {} };
  const dialled = await dial(peerAt(url, resolve), handler, null, CONNECT_MS_MAX);
  if (dialled.kind === "refused") return dialled.code;
  dialled.socket.terminate();
  return null;
}
