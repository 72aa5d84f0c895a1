/**
 * The link between APIs and the worker: UDP datagrams that may be lost, repeated or reordered, made
 * into "every payment gets its verdict, or the caller is told that none came".
 *
 *   api: client.ts  ──PAY (payments of one turn)──►  worker: server.ts
 *        client.ts  ◄──VERDICT (what became of each)──  server.ts
 *
 * client.ts and server.ts are cores: bytes and `nowMs` in, bytes and verdicts out, no socket and no
 * timer. They run over udp.ts (the kernel's sockets) or memory.ts (a seeded network with faults); the
 * same contract suite, link.test.ts, passes over both. TCP was refused: it would bring head-of-line
 * blocking and connection state, and an acknowledgement from the journal would still be needed.
 */
export { openTrialClient, openUdpClient, openUdpServer, type UdpServer } from "./link/udp.ts";
