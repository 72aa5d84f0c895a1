import { describe, expect, test } from "bun:test";
import { LogSink, WAITING_BYTES_MAX } from "./sink.ts";

/** Takes as many bytes as it has room for, unless it has a trouble. */
class Place {
  text = "";
  room = Number.POSITIVE_INFINITY;
  trouble: string | null = null;

  write(bytes: Uint8Array): number {
    if (this.trouble !== null) throw Object.assign(new Error(), { code: this.trouble });
    if (this.room === 0) throw Object.assign(new Error(), { code: "EAGAIN" });
    const taken = Math.min(this.room, bytes.length);
    this.room -= taken;
    this.text += Buffer.from(bytes.subarray(0, taken)).toString();
    return taken;
  }
}

function begin() {
  const place = new Place();
  return { place, sink: new LogSink(place, (lost) => `lost ${lost}\n`) };
}

describe.each(["ENOSPC", "EPIPE", "EIO", "EBADF"])("%s", (code) => {
  test("is counted, and said once when writing works again", () => {
    const { place, sink } = begin();
    place.trouble = code;
    sink.write("a\n");
    sink.write("b\n");
    expect([sink.lost, sink.isWaiting]).toEqual([2, false]);
    place.trouble = null;
    sink.write("c\n");
    sink.write("d\n");
    expect(place.text).toBe("c\nlost 2\nd\n");
    expect(sink.lost).toBe(2);
  });
});

test("a disk that fills up in the middle of a line glues no other to it", () => {
  const { place, sink } = begin();
  place.room = 3;
  sink.write("first\n");
  place.trouble = "ENOSPC";
  sink.flush();
  place.trouble = null;
  place.room = Number.POSITIVE_INFINITY;
  sink.write("second\n");
  expect(place.text).toBe("fir\nsecond\nlost 1\n");
});

test("a loss that could not be said is said together with the next", () => {
  const { place, sink } = begin();
  place.trouble = "ENOSPC";
  sink.write("a\n");
  place.trouble = null;
  // The place has room for the line itself, and then none.
  place.room = 2;
  sink.write("b\n");
  expect(place.text).toBe("b\n");
  place.trouble = "ENOSPC";
  sink.write("c\n");
  place.trouble = null;
  place.room = Number.POSITIVE_INFINITY;
  sink.write("d\n");
  expect(place.text).toBe("b\nd\nlost 2\n");
  expect(sink.lost).toBe(2);
});

test("lines wait for a slow reader, in order and whole", () => {
  const { place, sink } = begin();
  place.room = 4;
  sink.write("first\n");
  sink.write("second\n");
  expect([place.text, sink.isWaiting, sink.lost]).toEqual(["firs", true, 0]);
  place.room = Number.POSITIVE_INFINITY;
  sink.flush();
  expect([place.text, sink.isWaiting, sink.lost]).toEqual(["first\nsecond\n", false, 0]);
});

test("for a reader that does not read no more than a bound is kept", () => {
  const { place, sink } = begin();
  place.room = 0;
  const line = `${"x".repeat(1023)}\n`;
  for (let n = 0; n < 1_100; n++) sink.write(line);
  expect(sink.lost).toBe(1_100 - WAITING_BYTES_MAX / 1_024);
  place.room = Number.POSITIVE_INFINITY;
  sink.flush();
  expect(place.text).toBe(`${line}lost 76\n${line.repeat(1_023)}`);
  expect(sink.isWaiting).toBe(false);
});
