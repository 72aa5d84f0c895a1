import { expect, test } from "bun:test";
import { whole } from "../processor.fixture.ts";
import { run } from "../../testing/process.ts";

/** Charges in a process that has few descriptors, with all of them taken and then given back. */
async function chargeWithoutDescriptors(host: string) {
  using server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (socket) => void socket.end(whole(200, '{"message":"done"}')) },
  });
  const script = `
    import { closeSync, openSync } from "node:fs";
    import { HttpProcessor } from ${JSON.stringify(new URL("../processor.ts", import.meta.url).href)};
    const processor = new HttpProcessor("http://${host}:${server.port}", 2_000);
    const payment = { correlationId: "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3", amountCents: 1 };
    const charge = () => processor.charge({ ...payment, requestedAtMs: 0 });
    const taken = [];
    try { for (;;) taken.push(openSync("/dev/null", "r")); } catch {}
    const without = await charge();
    for (const one of taken) closeSync(one);
    console.log(JSON.stringify([without, await charge()]));
    process.exit(0);
  `;
  const command = ["sh", "-c", 'ulimit -n 128 && exec "$@"', "sh", process.execPath, "-e", script];
  return JSON.parse((await run(command)).out);
}

test.each(["127.0.0.1", "localhost"])(
  "a charge to %s without a descriptor is refused, and by ourselves",
  async (host) => {
    expect(await chargeWithoutDescriptors(host)).toEqual([
      { kind: "refused", reason: "EMFILE", overloaded: false, ownFault: true },
      { kind: "accepted", connected: true },
    ]);
  },
);
