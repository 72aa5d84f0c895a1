/**
 * Lets a server leave. Bun's `stop` closes at once every connection on which nothing is being answered,
 * and with it the request that its client is just sending. So for a while before that every client is
 * answered as before, new connections too, and told by `Connection: close` to send nothing more on this
 * one; a load balancer sees readiness turn red meanwhile. A client that has not finished its request
 * long after that is broken off.
 */
export type LeaveTimes = {
  /** Time without a request after which no client is taken to be about to send one. */
  readonly quietMs: number;
  /** Longest time for which every client is answered. */
  readonly answerMsMax: number;
  /** Longest time after that, for what is being answered. */
  readonly breakOffMs: number;
};

const LOOK_MS = 20;

export class Leave {
  readonly #times: LeaveTimes;
  #begunAtMs: number | null = null;
  #askedAtMs = 0;

  constructor(times: LeaveTimes) {
    this.#times = times;
  }

  get begun(): boolean {
    return this.#begunAtMs !== null;
  }

  /** Begins to leave. Does nothing the second time. */
  begin(): void {
    this.#begunAtMs ??= this.#askedAtMs = performance.now();
  }

  /** Marks an answer of the server; each goes through here. */
  mark(response: Response): Response {
    if (this.#begunAtMs === null) return response;
    this.#askedAtMs = performance.now();
    response.headers.set("connection", "close");
    return response;
  }

  /** Resolves when the server is gone. */
  async end(server: { stop(breakOff?: boolean): Promise<void> }): Promise<void> {
    this.begin();
    while (!this.#isOver(performance.now())) await Bun.sleep(LOOK_MS);
    const breakOff = setTimeout(() => void server.stop(true), this.#times.breakOffMs);
    await server.stop();
    clearTimeout(breakOff);
  }

  #isOver(nowMs: number): boolean {
    const { quietMs, answerMsMax } = this.#times;
    return nowMs - this.#askedAtMs >= quietMs || nowMs - (this.#begunAtMs ?? nowMs) >= answerMsMax;
  }
}
