import { describe, expect, test } from "bun:test";
import type { LinkTraffic, WorkerLink } from "../../shared/verdict.ts";
import { Links } from "./links.ts";

const CONFIGURED = "one:1";
const NEW = "two:2";

/** A link that notes when it is closed. */
function linkWith(traffic: Partial<LinkTraffic> = {}) {
  const none = { framesSent: 0, framesReceived: 0, retransmissions: 0, drops: {} };
  const link = { isClosed: false, traffic: { ...none, ...traffic }, close: () => {} };
  link.close = () => (link.isClosed = true);
  return link;
}

function linksWith(open: (address: string) => Promise<unknown> = async () => linkWith()) {
  const configured = linkWith({ framesSent: 1, framesReceived: 2, drops: { old: 1 } });
  const opened: string[] = [];
  const said: string[] = [];
  const links = new Links({
    configured: new Map([[CONFIGURED, configured as unknown as WorkerLink]]),
    open: (address) => {
      opened.push(address);
      return open(address) as Promise<WorkerLink>;
    },
    log: { error: (line: unknown) => void said.push(String(line)) },
  });
  return { links, configured, opened, said };
}

const settled = () => new Promise(setImmediate);

describe("a link that a map names", () => {
  test("is opened once, and there when it is open", async () => {
    const added = linkWith();
    const { links, opened } = linksWith(async () => added);
    links.need(0, [CONFIGURED, NEW]);
    links.need(1, [CONFIGURED, NEW]);
    expect(links.at(NEW)).toBeNull();
    await settled();
    links.need(2, [CONFIGURED, NEW]);
    expect(links.at(NEW)).toBe(added as unknown as WorkerLink);
    expect(opened).toEqual([NEW]);
  });

  test("stays for ten seconds after no map names it, and no longer; a configured one for ever", async () => {
    const added = linkWith();
    const { links, configured } = linksWith(async () => added);
    links.need(0, [NEW]);
    await settled();
    links.need(5_000, [NEW]);
    links.need(14_999, []);
    expect(added.isClosed).toBe(false);
    links.need(15_000, []);
    expect(added.isClosed).toBe(true);
    expect(links.at(NEW)).toBeNull();
    links.need(1_000_000, []);
    expect(configured.isClosed).toBe(false);
    expect(links.at(CONFIGURED)).toBe(configured as unknown as WorkerLink);
  });

  test("is opened again when a later map names it", async () => {
    const { links, opened } = linksWith();
    links.need(0, [NEW]);
    await settled();
    links.need(20_000, []);
    links.need(20_001, [NEW]);
    await settled();
    expect(opened).toEqual([NEW, NEW]);
    expect(links.at(NEW)).not.toBeNull();
  });

  test("that cannot be opened is said once, and not tried again", async () => {
    const { links, opened, said } = linksWith(() => Promise.reject(new Error("it is public")));
    links.need(0, [NEW]);
    await settled();
    links.need(1, [NEW]);
    await settled();
    expect(opened).toEqual([NEW]);
    expect(said).toEqual([`a worker's link at ${NEW}: it is public`]);
  });
});

test("traffic is that of all links together", async () => {
  const added = linkWith({
    framesSent: 10,
    framesReceived: 20,
    retransmissions: 3,
    drops: { old: 4, mac: 5 },
  });
  const { links } = linksWith(async () => added);
  links.need(0, [NEW]);
  await settled();
  expect(links.traffic).toEqual({
    framesSent: 11,
    framesReceived: 22,
    retransmissions: 3,
    drops: { old: 5, mac: 5 },
  });
});

test("all are closed at the end, one that was still being opened too", async () => {
  const added = linkWith();
  const { links, configured } = linksWith(async () => added);
  links.need(0, [NEW]);
  links.close();
  expect(configured.isClosed).toBe(true);
  await settled();
  expect(added.isClosed).toBe(true);
});
