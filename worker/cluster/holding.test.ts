import { describe, expect, test } from "bun:test";
import { Holding } from "./holding.ts";
import { SHARDS } from "../../shared/shards.ts";

const ME = 7;
/** Id of the shard with this number. */
const idIn = (shard: number) =>
  `${shard.toString(16).padStart(2, "0")}000000-0000-0000-0000-000000000000`;
const mapOf = (version: number, mine: readonly number[]) => ({
  version,
  owners: Array.from({ length: SHARDS }, (_, shard) => (mine.includes(shard) ? ME : null)),
});

describe("a shard", () => {
  test("is loaded before anything is accepted or sent for it", () => {
    const holding = new Holding();
    expect(holding.admission(idIn(3))).toBe("elsewhere");
    expect(holding.learn(mapOf(1, [3]), ME)).toEqual([3]);
    expect(holding.admission(idIn(3))).toBe("busy");
    expect(holding.maySend(idIn(3))).toBe(false);
    holding.loaded([3]);
    expect(holding.admission(idIn(3))).toBe("take");
    expect(holding.maySend(idIn(3))).toBe(true);
  });

  test("that is loaded is not loaded again by the same map", () => {
    const holding = new Holding();
    holding.learn(mapOf(1, [3]), ME);
    holding.loaded([3]);
    expect(holding.learn(mapOf(1, [3]), ME)).toEqual([]);
    expect(holding.admission(idIn(3))).toBe("take");
  });

  test("that is loaded too late, when it is another's again, stays another's", () => {
    const holding = new Holding();
    holding.learn(mapOf(1, [3]), ME);
    holding.learn(mapOf(2, []), ME);
    holding.loaded([3]);
    expect(holding.admission(idIn(3))).toBe("elsewhere");
    expect(holding.count).toBe(0);
  });

  test("that is being given away takes nothing and sends nothing", () => {
    const holding = new Holding();
    holding.learn(mapOf(1, [3, 4]), ME);
    expect(holding.close(3)).toBe(false);
    holding.loaded([3, 4]);
    expect(holding.close(3)).toBe(true);
    expect(holding.admission(idIn(3))).toBe("busy");
    expect(holding.maySend(idIn(3))).toBe(false);
    expect(holding.maySend(idIn(4))).toBe(true);
    expect(holding.count).toBe(2);
    holding.reopen(3);
    expect(holding.admission(idIn(3))).toBe("take");
  });

  test("that was given away does not come back with a map that was read before", () => {
    const holding = new Holding();
    holding.learn(mapOf(1, [3, 4]), ME);
    holding.loaded([3, 4]);
    holding.close(3);
    holding.gave(3, 2);
    expect(holding.learn(mapOf(1, [3, 4]), ME)).toEqual([]);
    expect(holding.admission(idIn(3))).toBe("elsewhere");
    expect(holding.count).toBe(1);
    expect(holding.version).toBe(2);
    expect(holding.learn(mapOf(3, [3, 4]), ME)).toEqual([3]);
  });
});
