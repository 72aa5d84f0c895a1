/** Stand-ins for a processor that say exactly what they are told, byte by byte, on a real socket. */

export type Raw = {
  /** Written as it stands. */
  readonly text?: string;
  readonly bytes?: Uint8Array;
  /** State of the connection afterwards. */
  readonly ending?: "end" | "reset" | "stay";
};

/** Head and body of an answer with the headers given, and no others. */
export function answer(status: number, headers: Record<string, string>, body = ""): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Whatever\r\n${lines.join("")}\r\n${body}`;
}

export function whole(status: number, body = ""): string {
  return answer(status, { "Content-Length": String(body.length), Connection: "close" }, body);
}

/** Gives the same answer to every call, and keeps what it was sent. */
export function rawServer({ text = "", bytes = Buffer.from(text), ending = "end" }: Raw) {
  const received: string[] = [];
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, request) {
        received.push(request.toString());
        if (bytes.length > 0) socket.write(bytes);
        socket.flush();
        if (ending === "end") socket.end();
        if (ending === "reset") socket.terminate();
      },
      error() {},
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    received,
    [Symbol.dispose]: () => server.stop(true),
  };
}
