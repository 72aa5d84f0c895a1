/**
 * Looks for taken ports before anything starts: APIs that share a port would silently share it with
 * another run's.
 */
import { workersOf } from "./plan.ts";
import type { DevSettings } from "./settings.ts";

type Wanted = {
  readonly setting: string;
  readonly port: number;
  readonly host: string;
  readonly protocol: "tcp" | "udp";
  readonly purpose: string;
};

/** The sentence that names the first port that is taken or wanted twice, or null. */
export async function findTakenPort(
  settings: DevSettings,
  isCluster: boolean,
): Promise<string | null> {
  const seen = new Map<number, string>();
  for (const wanted of wantedBy(settings, isCluster)) {
    const { setting, port, protocol, purpose } = wanted;
    const first = seen.get(port);
    if (first !== undefined) return `${first} and ${setting} are both ${port}: each needs its own`;
    seen.set(port, setting);
    const trouble = await troubleWith(wanted);
    if (trouble === "EADDRINUSE") {
      return `port ${port}/${protocol} is taken: it is wanted for ${purpose} (${setting} sets another)`;
    }
    if (trouble !== null) {
      return `port ${port}/${protocol}, for ${purpose}, cannot be used: ${trouble}`;
    }
  }
  return null;
}

function wantedBy(settings: DevSettings, isCluster: boolean): Wanted[] {
  const { HOST, PORT, DEFAULT_PORT, FALLBACK_PORT } = settings;
  const { DASHBOARD_PORT } = settings;
  const local = "127.0.0.1";
  const tcp = (setting: string, port: number, host: string, purpose: string): Wanted => ({
    setting,
    port,
    host,
    protocol: "tcp",
    purpose,
  });
  const link = (setting: string, port: number, purpose: string): Wanted => {
    return { setting, port, host: local, protocol: "udp", purpose };
  };
  const workers = workersOf(settings, isCluster).flatMap(({ name, linkPort, httpPort }, n) => {
    const first = n === 0 ? "" : "SECOND_";
    const whose = isCluster ? `${name}'s` : "the worker's";
    return [
      tcp(`${first}HTTP_PORT`, httpPort, local, `${whose} HTTP`),
      link(`${first}LINK_PORT`, linkPort, `${whose} link`),
    ];
  });
  return [
    tcp("DEFAULT_PORT", DEFAULT_PORT, HOST, "the simulated processor default"),
    tcp("FALLBACK_PORT", FALLBACK_PORT, HOST, "the simulated processor fallback"),
    tcp("PORT", PORT, HOST, "the APIs"),
    tcp("DASHBOARD_PORT", DASHBOARD_PORT, local, "the dashboard with game day"),
    ...workers,
  ];
}

/** The code of what goes wrong when the port is bound, or null. */
async function troubleWith({ protocol, port, host }: Wanted): Promise<string | null> {
  try {
    if (protocol === "udp") (await Bun.udpSocket({ hostname: host, port })).close();
    else Bun.listen({ hostname: host, port, socket: { data() {} } }).stop(true);
    return null;
  } catch (error) {
    const { code, message } = error as Error & { code?: unknown };
    return typeof code === "string" ? code : message;
  }
}
