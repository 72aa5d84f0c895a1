import { expect, test } from "bun:test";
import fc from "fast-check";
import { AnswerReader, headerOf } from "./answer.ts";

const bytesOf = (...lines: string[]) => Buffer.from(lines.join("\r\n"));
const ok = (...lines: string[]) => bytesOf("HTTP/1.1 200 OK", ...lines);
const readAnswer = (received: Buffer, ended = false) => {
  const reader = new AnswerReader();
  return reader.read(received) ?? (ended ? reader.end() : null);
};
const read = (received: Buffer) => {
  const answer = readAnswer(received);
  if (answer === null) return null;
  const { status, bytes, keepsAlive } = answer;
  return { status, bytes, keepsAlive, body: answer.body.toString() };
};

const WHOLE = {
  "a body of a known length": ok("Content-Length: 4", "", "body"),
  "a body in chunks": ok(
    "transfer-encoding: chunked",
    "",
    "3",
    "bod",
    "1;name=value",
    "y",
    "0",
    "",
    "",
  ),
};

test.each(Object.entries(WHOLE))("%s is read, once it is all there", (_, bytes) => {
  const expected = { status: 200, body: "body", bytes: bytes.length, keepsAlive: true };
  expect(read(bytes)).toEqual(expected);
  expect(read(Buffer.concat([bytes, Buffer.from("more")]))).toEqual(expected);
  for (let cut = 0; cut < bytes.length; cut++) expect(read(bytes.subarray(0, cut))).toBeNull();
});

test("an answer may have no body", () => {
  const none = bytesOf("HTTP/1.1 204 No Content", "Connection: close", "", "");
  expect(read(none)).toEqual({ status: 204, body: "", bytes: none.length, keepsAlive: false });
  const empty = bytesOf("HTTP/1.1 202 Accepted", "content-length: 0", "", "");
  expect(read(empty)).toMatchObject({ status: 202, body: "", bytes: empty.length });
});

test("informational answers are passed over", () => {
  const early = bytesOf("HTTP/1.1 103 Early Hints", "Link: </x>", "", "");
  const bytes = Buffer.concat([
    bytesOf("HTTP/1.1 100 Continue", "", ""),
    early,
    WHOLE["a body in chunks"],
  ]);
  expect(read(bytes)).toMatchObject({ status: 200, body: "body", bytes: bytes.length });
});

test("an answer without a length is whole when its connection has ended, and says so", () => {
  const bytes = ok("", "all");
  expect(readAnswer(bytes)).toBeNull();
  const answer = readAnswer(bytes, true);
  expect(answer?.body.toString()).toBe("all");
  expect(answer).toMatchObject({ complete: false, keepsAlive: false });
});

test("one with a length that is cut short never is", () => {
  expect(readAnswer(ok("Content-Length: 9", "", "half"), true)).toBeNull();
  const chunked = ok("Transfer-Encoding: chunked", "", "2", "{}", "");
  expect(readAnswer(chunked, true)).toBeNull();
});

test("HTTP/1.0 keeps a connection only when it says so", () => {
  const of = (...more: string[]) =>
    readAnswer(bytesOf("HTTP/1.0 200 OK", "content-length: 0", ...more, "", ""));
  expect(of()?.keepsAlive).toBe(false);
  expect(of("Connection: Keep-Alive")?.keepsAlive).toBe(true);
});

test("headers are found by their whole name, in any case, without blanks around their value", () => {
  const head = "X-Retry-After: 1\r\nrEtry-aFter: \t7 \r\nOther: retry-after: 9";
  expect(headerOf(head, "retry-after")).toBe("7");
  expect(headerOf("Other: 1", "retry-after")).toBeNull();
});

const CHUNKED = "Transfer-Encoding: chunked";
test.each([
  ["garbage", bytesOf("SSH-2.0", "", ""), "not an answer"],
  ["another version", bytesOf("HTTP/2 200", "", ""), "not an answer"],
  ["a status of no such kind", bytesOf("HTTP/1.1 999 Never", "", ""), "not an answer"],
  ["a request", bytesOf("GET / HTTP/1.1", "", ""), "not an answer"],
  ["a head without an end", Buffer.alloc(20_000, "x"), "without an end"],
  [
    "no end of informational answers",
    Buffer.from("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(17)),
    "no end",
  ],
  ["a chunk whose line never ends", ok(CHUNKED, "", `2;${"x".repeat(2_000)}`), "without a size"],
  ["two lengths", ok("Content-Length: 2", "Content-Length: 3", "", "{}"), "two lengths"],
  ["the same length twice", ok("Content-Length: 2", "Content-Length: 2", "", "{}"), "two lengths"],
  ["a length beside chunks", ok("Content-Length: 2", CHUNKED, "", "{}"), "two lengths"],
  [
    "a line that ends for some and not for others",
    ok("Other: 1\rContent-Length: 2", "", "{}"),
    "not an answer",
  ],
  ["two codings", ok(CHUNKED, "Transfer-Encoding: gzip", "", "{}"), "two lengths"],
  ["a length below zero", ok("Content-Length: -1", "", ""), "length -1"],
  ["a length that is no number", ok("Content-Length: 0x2", "", "{}"), "length 0x2"],
  ["a length that never ends", ok(`Content-Length: ${"9".repeat(30)}`, "", ""), "length 9"],
  ["a chunk without a size", ok(CHUNKED, "", "x", ""), "without a size"],
  ["a chunk of less than nothing", ok(CHUNKED, "", "-2", "{}"), "without a size"],
  ["a chunk of too much", ok(CHUNKED, "", "fffffffff", ""), "without a size"],
  ["a chunk longer than it says", ok(CHUNKED, "", "2", "{}x", "0", "", ""), "without an end"],
])("%s is refused", (_, bytes, sentence) => {
  expect(() => readAnswer(bytes)).toThrow(sentence);
});

test("whatever comes, it is read, waited for or refused, and never past its end", () => {
  const pieces = [
    ...Object.values(WHOLE).map(String),
    "HTTP/1.1 ",
    "200",
    "\r\n",
    "Content-Length: ",
    "3",
    CHUNKED,
    "0\r\n\r\n",
    "a",
  ];
  const piece = fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 4 }));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.boolean(), (parts, ended) => {
      const bytes = Buffer.from(parts.join(""), "latin1");
      let answer: ReturnType<typeof readAnswer>;
      try {
        answer = readAnswer(bytes, ended);
      } catch {
        return;
      }
      if (answer === null) return;
      expect(answer.bytes).toBeLessThanOrEqual(bytes.length);
      // The same bytes, and nothing else, give the same answer.
      const again = readAnswer(bytes.subarray(0, answer.bytes), ended);
      expect(again?.status).toBe(answer.status);
      expect(again?.body.equals(answer.body)).toBe(true);
    }),
    { numRuns: 5_000 },
  );
});

test("an answer is the same in pieces of any size", () => {
  for (const bytes of Object.values(WHOLE)) {
    for (let size = 1; size <= bytes.length; size++) {
      const reader = new AnswerReader();
      let answer: ReturnType<typeof readAnswer> = null;
      for (let at = 0; at < bytes.length; at += size) {
        expect(answer).toBeNull();
        answer = reader.read(bytes.subarray(at, at + size));
      }
      expect({ ...answer, body: answer?.body.toString() }).toMatchObject({
        status: 200,
        body: "body",
      });
    }
  }
});

/** Number of pieces that would be far beyond a test's time if reading took the square of it. */
const MANY = 100_000;
test.each([
  ["chunks", `HTTP/1.1 200 OK\r\n${CHUNKED}\r\n\r\n${"1\r\nx\r\n".repeat(MANY)}0\r\n\r\n`, MANY],
  [
    "pieces",
    `HTTP/1.1 200 OK\r\nContent-Length: ${MANY * 6}\r\n\r\n${"x".repeat(MANY * 6)}`,
    MANY * 6,
  ],
])("many small %s are read in time that grows with their number", (_, text, bodyBytes) => {
  const bytes = Buffer.from(text);
  const reader = new AnswerReader();
  let answer: ReturnType<typeof readAnswer> = null;
  for (let at = 0; at < bytes.length; at += 6) answer = reader.read(bytes.subarray(at, at + 6));
  expect(answer?.body).toHaveLength(bodyBytes);
});

test("blanks around a value are no work", () => {
  const blanks = " ".repeat(16_000);
  for (let n = 0; n < 1_000; n++) {
    const head = ok(`Content-Length: 1${blanks}x`, "", "");
    expect(() => readAnswer(head)).toThrow("length 1");
  }
});
