/**
 * The least that a second process can cost when an answer needs its agreement: a datagram there and
 * back, with nothing in it but a number. Nothing is checked, stored or sent again.
 */
const NUMBER_BYTES = 6;

/** Sends back whatever comes to `hostname`, at `port` or any that is free; resolves to the port. */
export async function echo(hostname: string, port = 0): Promise<number> {
  const socket = await Bun.udpSocket({
    hostname,
    port,
    socket: { data: (own, bytes, from, address) => void own.send(bytes, from, address) },
  });
  return socket.port;
}

/** Opens a way to an echo: each call resolves when its datagram is back. */
export async function openHop(address: string, port: number): Promise<() => Promise<void>> {
  const waiting = new Map<number, () => void>();
  let last = 0;
  const socket = await Bun.udpSocket({
    socket: {
      data: (_, bytes) => {
        const number = bytes.readUIntLE(0, NUMBER_BYTES);
        waiting.get(number)?.();
        waiting.delete(number);
      },
    },
  });
  return () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const bytes = Buffer.allocUnsafe(NUMBER_BYTES);
    waiting.set(++last, resolve);
    bytes.writeUIntLE(last, 0, NUMBER_BYTES);
    socket.send(bytes, port, address);
    return promise;
  };
}
