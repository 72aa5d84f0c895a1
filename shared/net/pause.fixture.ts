/** Pauses this process in the middle of a turn, while another process goes on. */
import type { Socket } from "bun";
import { Child } from "../../testing/process.ts";

/**
 * Keeps this process from doing anything for `ms`, and until `isOver`, before it has read what is
 * there to be read.
 */
export async function pauseWhileReading(
  ms: number,
  { atOnce = () => {}, isOver = (): boolean => true } = {},
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data() {
        for (const endMs = performance.now() + ms; performance.now() < endMs || !isOver(););
        atOnce();
        resolve();
      },
    },
  });
  const socket: Socket = await Bun.connect({
    hostname: "127.0.0.1",
    port: server.port,
    socket: { data() {} },
  });
  socket.write("pause");
  await promise;
  socket.end();
  server.stop(true);
}

/** Runs a module's text in a process of its own, which prints its port first. */
export async function somebodyElse(script: string, descriptors: number | "" = "") {
  const limited = `[ -z "$1" ] || ulimit -n "$1"; shift; exec "$@"`;
  const child = await Child.start({
    command: ["sh", "-c", limited, "sh", String(descriptors), process.execPath, "-e", script],
    isReady: (line) => /^\d+$/.test(line),
  });
  const port = Number(await child.untilReady());
  return { port, [Symbol.dispose]: () => child.signal("SIGKILL") };
}
