/** A process whose intake breaks at its first payment. */
import { systemClock } from "../clock.ts";
import { createLog } from "../log.ts";
import { endOnExceptions } from "../process.ts";
import { openUdpClient, openUdpServer } from "./udp.ts";

if (import.meta.main) {
  const log = createLog("test", "silent");
  endOnExceptions(log);
  const address = { LINK_HOST: "127.0.0.1", LINK_PORT: 0, LINK_SECRET: null };
  const { port } = await openUdpServer(address, log, () => {
    throw new Error("a broken invariant");
  });
  const WORKER_LINK = { host: "127.0.0.1", port };
  const settings = { WORKER_LINK, LINK_SECRET: null, ACK_TIMEOUT_MS: 500 };
  const client = await openUdpClient(settings, systemClock, log);
  const correlationId = "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3";
  await client.pay({ correlationId, amountCents: 1 });
  process.exit(0);
}
