import { expect, test } from "bun:test";
import { hostname } from "node:os";
import { reachedAt } from "./reached-at.ts";

const LISTENS = { LINK_PORT: 9996, HTTP_PORT: 9995 };

test("a worker is reached where it listens, or by its machine's name, or as it is told", () => {
  const one = { WORKER_ADDRESS: "", LINK_HOST: "10.0.0.5", HTTP_HOST: "fd00::5", ...LISTENS };
  expect(reachedAt(one)).toEqual({ link: "10.0.0.5:9996", http: "http://[fd00::5]:9995" });
  const all = { WORKER_ADDRESS: "", LINK_HOST: "0.0.0.0", HTTP_HOST: "::", ...LISTENS };
  expect(reachedAt(all)).toEqual({
    link: `${hostname()}:9996`,
    http: `http://${hostname()}:9995`,
  });
  const told = { link: "w1.example:9996", http: "http://w1.example:9995" };
  expect(reachedAt({ ...one, WORKER_ADDRESS: "w1.example" })).toEqual(told);
  expect(reachedAt({ ...all, WORKER_ADDRESS: "w1.example" })).toEqual(told);
});
