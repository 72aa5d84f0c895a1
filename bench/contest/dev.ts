/** Starts a gateway for the time of a contest: `dev`, with its data in a temporary folder. */
import { apiSettings } from "../../api/settings.ts";
import { freeStandPorts, startStand, type Stand } from "../../testing/stand.ts";
import { endpointOf } from "./client.ts";
import type { Site } from "./run.ts";
import { Trouble } from "./trouble.ts";

const LOOPBACK = new Set(["127.0.0.1", "localhost"]);
/** The contest's own settings, unless the environment has others. */
const SETTINGS = {
  JOURNAL_SYNC: "normal",
  PATIENCE_MS: "30000",
  ACK_TIMEOUT_MS: apiSettings.ACK_TIMEOUT_MS.default,
};

export async function startDev({ url, processors }: Site): Promise<Stand> {
  const port = (address: string) => {
    const { hostname, port: number } = endpointOf(address);
    if (LOOPBACK.has(hostname)) return number;
    throw new Trouble(`${address} is not on this machine: nothing can be started there`);
  };
  const ports = {
    ...(await freeStandPorts()),
    PORT: port(url),
    DEFAULT_PORT: port(processors.default),
    FALLBACK_PORT: port(processors.fallback),
  };
  try {
    return await startStand({ ports, env: { ...SETTINGS, ...given() } });
  } catch (error) {
    const { message, cause } = error as Error;
    throw new Trouble(`${message}:\n${String(cause)}`);
  }
}

export async function isListening(address: string): Promise<boolean> {
  try {
    const socket = await Bun.connect({ ...endpointOf(address), socket: { data() {} } });
    socket.terminate();
    return true;
  } catch {
    return false; // Nobody can be called there, for whatever reason.
  }
}

function given(): Record<string, string> {
  const names = Object.keys(SETTINGS).filter((name) => process.env[name]);
  return Object.fromEntries(names.map((name) => [name, process.env[name] as string]));
}
