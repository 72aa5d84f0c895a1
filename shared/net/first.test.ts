import { describe, expect, test } from "bun:test";
import { firstOf } from "./first.ts";

const AT_ONCE = 1;
/** Time that is longer than a test may take. */
const NEVER = 3_600_000;

/** Makes ways that end as the test says, and notes which of them have begun. */
function ways(...names: string[]) {
  const begun: string[] = [];
  const discarded: string[] = [];
  const ends = new Map(names.map((name) => [name, Promise.withResolvers<string>()]));
  const end = (name: string) => ends.get(name) as PromiseWithResolvers<string>;
  const allBegan = Promise.withResolvers<void>();
  const run = (nextAfterMs: number) =>
    firstOf(
      names,
      (name) => {
        begun.push(name);
        if (begun.length === names.length) allBegan.resolve();
        return end(name).promise;
      },
      {
        nextAfterMs,
        isFinal: (error) => error === "final",
        discard: (other) => void discarded.push(other),
      },
    );
  return { begun, discarded, end, run, allBegan: allBegan.promise };
}

describe("of several ways", () => {
  test("the next begins beside one that says nothing, and the first that comes about wins", async () => {
    const { discarded, end, run, allBegan } = ways("a", "b", "c");
    const first = run(AT_ONCE);
    await allBegan;
    end("b").resolve("b");
    expect(await first).toBe("b");
    end("a").resolve("a");
    end("c").reject("late");
    await Bun.sleep(0);
    expect(discarded).toEqual(["a"]);
  });

  test("the next begins at once when one has failed", async () => {
    const { begun, end, run } = ways("a", "b", "c");
    const first = run(NEVER);
    end("a").reject("refused");
    end("b").resolve("b");
    expect(await first).toBe("b");
    expect(begun).toEqual(["a", "b"]);
  });

  test("one that began early may still win when all that came later have failed", async () => {
    const { end, run, allBegan } = ways("a", "b");
    const first = run(AT_ONCE);
    await allBegan;
    end("b").reject("refused");
    end("a").resolve("a");
    expect(await first).toBe("a");
  });

  test("none that comes about is the last failure", async () => {
    const { end, run } = ways("a", "b");
    const first = run(NEVER);
    end("a").reject("refused");
    end("b").reject("unreachable");
    expect(await first.catch((error: unknown) => error)).toBe("unreachable");
  });

  test("none begins after a failure that is final", async () => {
    const { begun, end, run } = ways("a", "b");
    const first = run(NEVER);
    end("a").reject("final");
    expect(await first.catch((error: unknown) => error)).toBe("final");
    expect(begun).toEqual(["a"]);
  });
});
