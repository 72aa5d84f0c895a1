/**
 * A faulty network between a client and a server of TCP, in one process: it loses answers, which leaves
 * the client in doubt whether its question was heard, and it can stand still with all connections open.
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

export class TcpRelay implements AsyncDisposable {
  /** Answers still to be lost: each closes its connection instead. */
  answersToLose = 0;
  answersLost = 0;
  /** Tells which chunks of the server's are answers to be lost; all, unless a test says otherwise. */
  isAnswer: (bytes: Buffer) => boolean = () => true;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isStill = false;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(port: number): Promise<TcpRelay> {
    const server = createServer();
    const relay = new TcpRelay(server);
    server.on("connection", (client) => relay.#join(client, connect(port, "127.0.0.1")));
    const { promise, resolve } = Promise.withResolvers<void>();
    server.listen(0, "127.0.0.1", resolve);
    await promise;
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Passes nothing on, in either direction, until it moves again. */
  set still(isStill: boolean) {
    this.#isStill = isStill;
    for (const socket of this.#sockets) {
      if (isStill) socket.pause();
      else socket.resume();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    await promise;
  }

  #join(client: Socket, server: Socket): void {
    const cut = () => {
      for (const socket of [client, server]) {
        this.#sockets.delete(socket);
        socket.destroy();
      }
    };
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on("close", cut);
      // A connection that breaks is closed; that is what it is for.
      socket.on("error", cut);
      if (this.#isStill) socket.pause();
    }
    client.on("data", (bytes) => server.write(bytes));
    server.on("data", (bytes: Buffer) => {
      if (this.answersToLose === 0 || !this.isAnswer(bytes)) return client.write(bytes);
      this.answersToLose--;
      this.answersLost++;
      return cut();
    });
  }
}
