/** Finds ports that nobody has, for processes that have to be told theirs beforehand. */

/** The range is below the ports that the system gives to outgoing connections. */
const PORT_FIRST = 20_000;
const PORT_COUNT = 12_000;

/** Gives a port for each name, free for TCP and UDP. */
export async function freePorts<Name extends string>(
  ...names: readonly Name[]
): Promise<Record<Name, number>> {
  const found = new Set<number>();
  while (found.size < names.length) {
    const port = PORT_FIRST + Math.floor(Math.random() * PORT_COUNT);
    if (await isFree(port)) found.add(port);
  }
  const ports = [...found];
  return Object.fromEntries(names.map((name, i) => [name, ports[i]])) as Record<Name, number>;
}

async function isFree(port: number): Promise<boolean> {
  try {
    Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
    (await Bun.udpSocket({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false; // It is taken by somebody else: another one is drawn.
  }
}
