/**
 * Asks a listener that runs for what its own document promises, and holds each answer against it: the
 * questions that both listeners are asked are in openapi.test.ts.
 */
import { expect } from "bun:test";
import { request } from "node:http";
import { Contract, type Document } from "./contract.ts";

export const TOKEN = "a token of the test";
export const ADMIN = { authorization: `Bearer ${TOKEN}` };
export const NOBODY = "4a7901b8-7d26-4d9d-aa19-4dc1c7cf60b3";

/** A listener and its document. */
export class Listener {
  readonly contract: Contract;
  url: string;

  private constructor(contract: Contract, url: string) {
    this.contract = contract;
    this.url = url;
  }

  static async at(url: string): Promise<Listener> {
    const document = (await (await fetch(`${url}/openapi.json`)).json()) as Document;
    return new Listener(new Contract(document), url);
  }

  /** Asks for `path` as documented; braces are filled in. */
  async ask(
    status: number,
    method: "GET" | "POST",
    path: string,
    { query = "", fill = NOBODY, ...init }: RequestInit & { query?: string; fill?: string } = {},
  ): Promise<unknown> {
    const target = path.replace(/\{[^}]*\}/, fill) + query;
    const response = await fetch(this.url + target, { method, redirect: "manual", ...init });
    expect([method, target, response.status]).toEqual([method, target, status]);
    return this.contract.check(path, method, response);
  }

  /** Asks another listener of the same kind. */
  async elsewhere(url: string, asks: () => Promise<void>): Promise<void> {
    const here = this.url;
    this.url = url;
    await asks();
    this.url = here;
  }

  /** A Host that makes no address leaves the target as it was written. */
  async askRaw(status: number, method: "GET" | "POST", path: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const { hostname, port } = new URL(this.url);
    const target = `${path.replace(/\{[^}]*\}/, NOBODY)}?a="`;
    request(
      { hostname, port, path: target, method, headers: { host: "not/a host", ...ADMIN } },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        const headers = { "content-type": answer.headers["content-type"] ?? "" };
        answer.on("end", () =>
          resolve(new Response(Buffer.concat(chunks), { status: answer.statusCode ?? 0, headers })),
        );
      },
    )
      .on("error", reject)
      .end();
    const response = await promise;
    expect(response.status).toBe(status);
    await this.contract.check(path, method, response);
  }

  /** Lists routes and codes that it has counted and not documented. */
  async undocumented(metric: string): Promise<string[]> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const counted = text.matchAll(
      new RegExp(`^${metric}\\{route="([^"]*)",code="(\\d+)"\\}`, "gm"),
    );
    return (
      [...counted]
        .map(([, route = "", code = ""]) => [route, code] as const)
        .filter(
          ([route, code]) => code !== "405" && !(code === "404" && /^(none|other)$/.test(route)),
        )
        // The page and its files are left out; an API counts everything below it as this.
        .filter(([route]) => route !== "/dashboard")
        .filter(([route, code]) => !this.contract.has(route, code))
        .map(([route, code]) => `${route} ${code}`)
    );
  }
}
