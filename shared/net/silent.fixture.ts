/** Makes an address that swallows packets as a lost machine does: a listener whose queue is full. */
import { dlopen } from "bun:ffi";

const [AF_INET, SOCK_STREAM, SOCK_NONBLOCK] = [2, 1, 0x800];
/** Connections that wait: more than the one that a queue of none holds. */
const WAITING = 4;

export function silentAt(address: string, port: number): Disposable {
  const { symbols: kernel } = dlopen("libc.so.6", {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
    listen: { args: ["i32", "i32"], returns: "i32" },
    connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
    close: { args: ["i32"], returns: "i32" },
  });
  const here = Buffer.from([AF_INET, 0, port >> 8, port & 0xff, ...address.split(".").map(Number)]);
  const name = Buffer.concat([here, Buffer.alloc(8)]);
  const listening = kernel.socket(AF_INET, SOCK_STREAM, 0);
  if (kernel.bind(listening, name, name.length) !== 0) throw new Error(`${address} is taken`);
  kernel.listen(listening, 0);
  const sockets = Array.from({ length: WAITING }, () => {
    const socket = kernel.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    kernel.connect(socket, name, name.length);
    return socket;
  });
  return {
    [Symbol.dispose]() {
      for (const socket of [listening, ...sockets]) kernel.close(socket);
    },
  };
}
