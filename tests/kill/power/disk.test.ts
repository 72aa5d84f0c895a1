import { describe, expect, test } from "bun:test";
import { seededRandom } from "../../../testing/random.ts";
import { parseTrace } from "../trace.ts";
import { TracedFile } from "./disk.ts";

const PATH = "/data/payments.db";
const NAME = inHex(PATH);
const ones = (bytes: number) => Buffer.alloc(bytes, 1);

function inHex(text: string | Buffer): string {
  return Buffer.from(text as string)
    .toString("hex")
    .replace(/../g, "\\x$&");
}

/** A line of strace about a write of so many ones. */
function written(offset: number, bytes: number, end = `) = ${bytes}`): string {
  return `7  100.5 pwrite64(4<${NAME}>, "${inHex(ones(bytes))}", ${bytes}, ${offset}${end}`;
}

const SYNCED = `7  101.5 fdatasync(4<${NAME}>) = 0`;

function traced(...lines: string[]): TracedFile {
  const file = new TracedFile(PATH, Buffer.alloc(1_024));
  file.follow(parseTrace(lines.join("\n")));
  return file;
}

/** Every file that so many power cuts leave, once each. */
function leftBy(file: TracedFile, cuts = 200): Set<string> {
  const random = seededRandom(1);
  const left = Array.from({ length: cuts }, () => file.afterPowerCut(random).content);
  return new Set(left.map((content) => content.toBase64()));
}

describe("a power cut", () => {
  test("leaves all that was synced", () => {
    const whole = Buffer.concat([ones(512), Buffer.alloc(512)]).toBase64();
    expect([...leftBy(traced(written(0, 512), SYNCED))]).toEqual([whole]);
  });

  test("may leave each sector of what was not, without another", () => {
    expect(leftBy(traced(written(0, 1_024))).size).toBe(4);
    expect(leftBy(traced(SYNCED, written(0, 1_024))).size).toBe(4);
  });

  test("may leave the old length, or a hole", () => {
    const lengths = [...leftBy(traced(written(1_024, 1_024)))].map(
      (content) => atob(content).length,
    );
    expect(new Set(lengths)).toEqual(new Set([1_024, 1_536, 2_048]));
  });

  test("takes what was under way when a sync began, or when that failed", () => {
    const began = written(0, 512, " <unfinished ...>");
    const resumed = "7  101.6 <... pwrite64 resumed>) = 512";
    expect(leftBy(traced(began, SYNCED.replace("7 ", "8 "), resumed)).size).toBe(2);
    expect(leftBy(traced(written(0, 512), SYNCED.replace("= 0", "= -1 EIO (error)"))).size).toBe(2);
  });

  test("may undo that a file was cut", () => {
    const cut = `7  100.5 ftruncate(4<${NAME}>, 512) = 0`;
    const lengths = [...leftBy(traced(cut))].map((content) => atob(content).length);
    expect(new Set(lengths)).toEqual(new Set([512, 1_024]));
  });
});

describe("the record", () => {
  const after = Buffer.concat([ones(512), Buffer.alloc(512)]);

  test("explains the file that it has made, and no other", () => {
    expect(traced(written(0, 512)).explains(after)).toBeTrue();
    expect(traced(written(0, 512)).explains(Buffer.alloc(1_024))).toBeFalse();
    expect(traced().explains(after)).toBeFalse();
  });

  test("does not know how much a call has done that never ended", () => {
    const file = traced(written(0, 512, ") = ?"));
    expect(file.explains(after)).toBeTrue();
    expect(file.explains(Buffer.alloc(1_024))).toBeTrue();
  });

  test("is refused when it does not tell every byte", () => {
    const short = written(0, 512).replace(/",/, '"...,');
    expect(() => traced(short)).toThrow("not understood: pwrite64");
    expect(() => traced(written(0, 512, ") = 100"))).toThrow("cut short: pwrite64 of 512");
  });

  test("says when the last sync began", () => {
    expect(traced(SYNCED).syncedAtMs).toBe(101_500);
  });
});
