import { expect, test } from "bun:test";
import type { Socket } from "bun";
import { until } from "../../testing/until.ts";
import { somebodyElse } from "./pause.fixture.ts";

const DESCRIPTORS = 96;
const CONNECTIONS = 150;
const REQUEST = "GET / HTTP/1.1\r\nHost: here\r\n\r\n";

/** Starts a server with few descriptors. */
function serveWithFew() {
  const module = JSON.stringify(new URL("./full.ts", import.meta.url).href);
  return somebodyElse(
    `
    import { refuseWhenFull } from ${module};
    let refused = null;
    const fetch = () => new Response(refused === null ? "fine" : \`\${refused()} refused\`);
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch });
    const tell = (kind, subject, now) => {
      if (kind === "no-descriptors") refused = now && (() => now.counts().refused);
    };
    refuseWhenFull({ tell });
    console.log(server.port);
  `,
    DESCRIPTORS,
  );
}

/** Connects, and collects what the connection brings. */
async function connect(port: number) {
  const received = { text: "", closed: false };
  const socket: Socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_, bytes) => void (received.text += bytes.toString()),
      end: () => void (received.closed = true),
      close: () => void (received.closed = true),
      error: () => {},
    },
  });
  return { socket, received };
}

test("connections for which there is no descriptor are refused, those that there are go on", async () => {
  using server = await serveWithFew();
  const first = await connect(server.port);
  const asks = async () => {
    first.received.text = "";
    first.socket.write(REQUEST);
    await until("it is answered", () => first.received.text.includes(" 200 "));
  };
  await asks();
  const others = await Promise.all(Array.from({ length: CONNECTIONS }, () => connect(server.port)));
  const isRefused = ({ received }: (typeof others)[number]) => received.text.includes(" 503 ");
  await until(
    "the others are refused",
    () => others.filter(isRefused).length > CONNECTIONS - DESCRIPTORS,
  );

  await asks();
  expect(Number(/(\d+) refused/.exec(first.received.text)?.[1])).toBeGreaterThan(0);
  const late = await connect(server.port);
  late.socket.write(REQUEST);
  await until("it is closed", () => late.received.closed);
  expect(late.received.text).toStartWith("HTTP/1.1 503 ");

  for (const { socket } of others) socket.terminate();
  await until("all are closed", () => others.every(({ received }) => received.closed));
  await until("there are descriptors again", async () => {
    const answer = await fetch(`http://127.0.0.1:${server.port}/`);
    return (await answer.text()) === "fine";
  });
});
