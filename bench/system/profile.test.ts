import { expect, test } from "bun:test";
import { temporaryDirectory } from "../../testing/temporary.ts";
import { sharesOf } from "./profile.ts";

const call = (id: number, functionName: string, url: string, children: number[] = []) => {
  return { id, callFrame: { functionName, url }, children };
};

/** Samples a second apart, the first of them at second 101. */
function writeProfile(folder: string, pid: number, samples: readonly number[]): Promise<number> {
  const nodes = [
    call(1, "(root)", "", [2, 3, 8]),
    call(2, "serve", "", []),
    call(3, "commit", "/home/gateway/worker/journal/turn.ts", [4, 5]),
    call(4, "run", "", []),
    call(5, "flush", "/home/gateway/shared/link/udp.ts", [6, 7]),
    call(6, "send", "", []),
    call(7, "seal", "/home/gateway/shared/link/frame.ts", []),
    call(8, "later", "/home/gateway/worker.ts", []),
  ];
  const timeDeltas = samples.map(() => 1_000_000);
  const profile = { nodes, samples, timeDeltas, startTime: 100_000_000 };
  const path = `${folder}/CPU.20260101.000000.${pid}.0.001.cpuprofile`;
  return Bun.write(path, JSON.stringify(profile));
}

test("a sample belongs to the innermost function of ours, whatever that calls", async () => {
  using folder = temporaryDirectory();
  await writeProfile(folder.path, 7, [2, 3, 4, 4, 6, 6, 6, 7, 8, 8]);
  const shares = await sharesOf(folder.path, 7, [0, 1e9]);
  expect(Object.fromEntries(shares)).toEqual({
    "Bun without a function of ours": 0.1,
    journal: 0.3,
    "link: send": 0.3,
    "link: the rest": 0.1,
    "ticks and the rest of ours": 0.2,
  });
});

test("samples outside the span, and those of another process, do not count", async () => {
  using folder = temporaryDirectory();
  await writeProfile(folder.path, 7, [2, 2, 4, 6, 2]);
  await writeProfile(folder.path, 77, [8, 8, 8, 8, 8]);
  const shares = await sharesOf(folder.path, 7, [103_000, 104_000]);
  expect(Object.fromEntries(shares)).toEqual({ journal: 0.5, "link: send": 0.5 });
  expect((await sharesOf(folder.path, 7, [200_000, 201_000])).size).toBe(0);
});
