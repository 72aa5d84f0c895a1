import { expect, test } from "bun:test";
import { detailOf, problem, unavailable } from "./problem.ts";

test("a problem says its status, a title and one sentence", async () => {
  const response = problem(503, "The worker is away.", { "retry-after": "1" });
  expect(response.status).toBe(503);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(response.headers.get("retry-after")).toBe("1");
  expect(await response.json()).toEqual({
    type: "about:blank",
    title: "Service Unavailable",
    status: 503,
    detail: "The worker is away.",
  });
});

test("what a caller sent stays text in it", async () => {
  const detail = 'There is nothing at /"},{"\n\u2028<script>.';
  expect(await problem(404, detail).json()).toMatchObject({ title: "Not Found", detail });
});

test("every status has a title", async () => {
  for (const status of [400, 401, 404, 405, 409, 413, 500, 503]) {
    expect(await problem(status, "").json()).not.toMatchObject({ title: "Error" });
  }
});

test("its sentence is read again, and nothing else is taken for one", async () => {
  expect(detailOf(await unavailable("Wait.").text())).toBe("Wait.");
  for (const text of ["", "<html>", "null", "{}", '{"detail":1}'])
    expect(detailOf(text)).toBeNull();
});
