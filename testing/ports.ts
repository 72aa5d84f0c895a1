/**
 * Finds ports for processes that have to be told theirs beforehand. A port that is only found to be free may
 * be found by another test's process too before either has bound it, and is free again while a process is
 * started anew. So whoever asks has a block of ports to itself until it ends: it holds a name among
 * Linux's abstract sockets, which the kernel takes back however it ends.
 */

/** The range is below the ports that the system gives to outgoing connections. */
const PORT_FIRST = 20_000;
const BLOCK_PORTS = 200;
const BLOCKS = 60;

type Block = { readonly first: number; asked: number; readonly held: object | null };
let block: Block | null = null;

/** Gives a port for each name, free for TCP and UDP, and nobody else who asks here is given it meanwhile. */
export async function freePorts<Name extends string>(
  ...names: readonly Name[]
): Promise<Record<Name, number>> {
  block ??= holdBlock();
  const found: number[] = [];
  while (found.length < names.length) {
    const port = block.first + (block.asked++ % BLOCK_PORTS);
    // Somebody who does not ask here may have it.
    if (await isFree(port)) found.push(port);
  }
  return Object.fromEntries(names.map((name, i) => [name, found[i]])) as Record<Name, number>;
}

function holdBlock(): Block {
  const start = Math.floor(Math.random() * BLOCKS);
  const firstOf = (number: number) => PORT_FIRST + ((start + number) % BLOCKS) * BLOCK_PORTS;
  for (let number = 0; number < BLOCKS; number++) {
    const held = hold(`papa-leguas-ports-${firstOf(number)}`);
    if (held !== null) return { first: firstOf(number), asked: 0, held };
  }
  // Other systems than Linux have no such names; there it is left to chance.
  return { first: firstOf(0), asked: 0, held: null };
}

function hold(name: string): object | null {
  try {
    const socket = Bun.listen({ unix: `\0${name}`, socket: { data() {} } });
    socket.unref();
    return socket;
  } catch {
    return null; // Another process holds it.
  }
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
