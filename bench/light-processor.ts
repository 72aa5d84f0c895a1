/**
 * A processor that costs little, for loads whose other figures it would be in: raw sockets, a list of what it
 * has charged, and of the contest's calls those that a worker and a benchmark make. It is run as the simulator is:
 * `PORT=0 bun bench/light-processor.ts`.
 */
import type { Socket } from "bun";

type State = { rest: string };

const charged = new Map<string, string>();
let cents = 0;
let delayMs = 0;
let failing = false;

const listener = Bun.listen<State>({
  hostname: "127.0.0.1",
  port: Number(process.env["PORT"]),
  socket: {
    open(socket) {
      socket.data = { rest: "" };
      socket.setNoDelay(true);
    },
    data: read,
    error: (socket) => void socket.end(),
  },
});
process.stdout.write(`${JSON.stringify({ msg: "listening", port: listener.port })}\n`);

/** Answers one request at a time: nobody here sends the next before the answer. */
function read(socket: Socket<State>, bytes: Buffer): void {
  const text = socket.data.rest + bytes.toString("latin1");
  const head = text.indexOf("\r\n\r\n");
  const length = head < 0 ? null : /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head))?.[1];
  if (length === null || text.length < head + 4 + Number(length ?? 0)) {
    socket.data.rest = text;
    return;
  }
  socket.data.rest = "";
  const [method, path] = text.slice(0, text.indexOf("\r\n")).split(" ") as [string, string];
  const body = text.slice(head + 4);
  if (method === "POST" && path === "/payments" && delayMs > 0) {
    setTimeout(() => socket.write(charge(body)), delayMs);
  } else socket.write(answer(method, path, body));
}

function charge(body: string): string {
  if (failing) return withStatus("500 Internal Server Error");
  const { correlationId, amount } = JSON.parse(body) as { correlationId: string; amount: number };
  if (charged.has(correlationId)) return withStatus("422 Unprocessable Content");
  charged.set(correlationId, body);
  cents += Math.round(amount * 100);
  return withStatus("200 OK", '{"message":"payment processed successfully"}');
}

function answer(method: string, path: string, body: string): string {
  switch (`${method} ${path}`) {
    case "POST /payments":
      return charge(body);
    case "GET /payments/service-health":
      return withStatus("200 OK", JSON.stringify({ failing, minResponseTime: delayMs }));
    case "GET /admin/payments-summary":
      return withStatus("200 OK", JSON.stringify(summary()));
    case "PUT /admin/configurations/delay":
      delayMs = (JSON.parse(body) as { delay: number }).delay;
      return withStatus("200 OK");
    case "PUT /admin/configurations/failure":
      failing = (JSON.parse(body) as { failure: boolean }).failure;
      return withStatus("200 OK");
  }
  const found = method === "GET" ? charged.get(path.replace("/payments/", "")) : undefined;
  return found === undefined ? withStatus("404 Not Found") : withStatus("200 OK", found);
}

function summary() {
  return { totalRequests: charged.size, totalAmount: cents / 100 };
}

function withStatus(status: string, body = ""): string {
  return `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}
