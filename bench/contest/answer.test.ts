import { expect, test } from "bun:test";
import { readAnswer } from "./answer.ts";

const bytesOf = (...lines: string[]) => Buffer.from(lines.join("\r\n"));
const read = (bytes: Buffer) => {
  const answer = readAnswer(bytes);
  return answer === null ? null : { ...answer, body: answer.body.toString() };
};

const WHOLE = {
  "a body of a known length": bytesOf("HTTP/1.1 200 OK", "Content-Length: 4", "", "body"),
  "a body in chunks": bytesOf(
    "HTTP/1.1 200 OK",
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

test.each([
  ["garbage", bytesOf("SSH-2.0", "", ""), "not an answer"],
  ["an answer without an end", bytesOf("HTTP/1.1 200 OK", "", ""), "without a length"],
  [
    "a chunk without a size",
    bytesOf("HTTP/1.1 200 OK", "transfer-encoding: chunked", "", "x", ""),
    "without a size",
  ],
])("%s is refused", (_, bytes, sentence) => {
  expect(() => readAnswer(bytes)).toThrow(sentence);
});
