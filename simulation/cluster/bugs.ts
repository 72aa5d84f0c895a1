/**
 * Bugs of several workers that their simulation must find; edits as those of simulation/planted/bugs.ts.
 * Each is a rule that somebody may find superfluous.
 */
import type { Edited } from "../planted/edits.ts";

type ClusterBug = Edited & {
  /** First seed that is tried: earlier ones find nothing. */
  readonly seedsFrom: number;
};

export const CLUSTER_BUGS: readonly ClusterBug[] = [
  {
    name: "no fence",
    seedsFrom: 1,
    edits: [
      {
        file: "worker/cluster/fence.ts",
        find: 'if (owner !== worker) return "sealed";',
        replace: 'if (owner !== worker) return "done";',
      },
      {
        file: "simulation/cluster/functions.ts",
        find: "tables.streams.set(stream, { worker, batch, rows, answer: results });",
        replace: "tables.streams.set(stream, { ...row, batch, rows, answer: results });",
      },
      {
        file: "simulation/cluster/worker.ts",
        find: 'if (!isAlive) return this.end("sealed");',
        replace: "",
      },
    ],
  },
  {
    name: "what was assigned is taken up as free",
    seedsFrom: 1,
    edits: [
      {
        file: "worker/pipeline/recovery.ts",
        find: '    case "accepted":\n      return { kind: "queued" };\n    case "assigned":\n',
        replace: '    case "accepted":\n    case "assigned":\n      return { kind: "queued" };\n',
      },
      {
        file: "simulation/cluster/functions.ts",
        find: "    if (!STORED_AS[state as OpenKind].includes(from)) continue;",
        replace:
          '    const isFree = kind === "assign" && from === "assigned";\n    if (!isFree && !STORED_AS[state as OpenKind].includes(from)) continue;',
      },
    ],
  },
  {
    name: "a batch that changes nothing is answered before the quorum",
    seedsFrom: 2_100,
    edits: [
      {
        file: "simulation/cluster/database.ts",
        find: "      this.#running = { call, value };",
        replace: `      const { found, results } = (value ?? {}) as { found?: string; results?: { kind: string }[] };
      const isNothing = results?.every(({ kind }) => kind === "duplicate") ?? false;
      if (found === "repeat" || (found === "done" && isNothing)) {
        call.answer({ kind: "answered", value });
        continue;
      }
      this.#running = { call, value };`,
      },
    ],
  },
  {
    name: "a lease is judged by the worker's clock",
    seedsFrom: 1,
    edits: [
      {
        file: "simulation/cluster/worker.ts",
        find: "for (const { worker, leftMs } of others) {",
        replace: `for (const { worker, leftMs: left } of others) {
      const leftMs = left + nowMs - (this.#options.time.nowMs + this.#options.clockMs);`,
      },
      {
        file: "simulation/cluster/functions.ts",
        find: "  if (theirs !== undefined && theirs.aliveUntilMs >= nowMs) return false;\n",
        replace: "",
      },
    ],
  },
  {
    name: "a gap is taken for done",
    seedsFrom: 30,
    edits: [
      {
        file: "worker/cluster/fence.ts",
        find: 'return found === "sealed" ? "sealed" : "gap";',
        replace: 'return found === "sealed" ? "sealed" : "durable";',
      },
      {
        file: "simulation/cluster/worker.ts",
        find: "          const { results, mapVersion } = answer.value;",
        replace: `          const { mapVersion } = answer.value;
          const results = items.map((_, i) => answer.value.results[i] ?? ({ kind: "done" } as const));`,
      },
    ],
  },
  {
    name: "each worker has the whole limit",
    seedsFrom: 60,
    edits: [
      {
        file: "worker/cluster/share.ts",
        find: "return Math.max(1, Math.floor((hardLimit * (this.#shards - closing)) / SHARDS));",
        replace: "return hardLimit + 0 * SHARDS * closing;",
      },
    ],
  },
  {
    name: "a worker takes over that has itself renewed only once",
    seedsFrom: 1,
    edits: [
      {
        file: "worker/cluster/lease.ts",
        find: "leftMs < 0 && this.#renewedAtMs - this.#steadySinceMs > LEASE_MS",
        replace: "leftMs < 0",
      },
    ],
  },
  {
    name: "payments are accepted before a shard is loaded, as if nothing were open in it",
    seedsFrom: 1,
    edits: [
      {
        file: "worker/cluster/holding.ts",
        find: 'this.#stages[shard] = "loading";',
        replace: 'this.#stages[shard] = "open";',
      },
      {
        file: "simulation/cluster/worker.ts",
        find: "        for (const row of answer.value) this.#takeUp(row);",
        replace: "",
      },
    ],
  },
  {
    name: "a map that was read before a gift is believed after it",
    seedsFrom: 70,
    edits: [
      {
        file: "worker/cluster/holding.ts",
        find: "    if (version < this.#version) return [];\n",
        replace: "",
      },
      // Nothing is read of a shard that was given away, and without that nothing is sent.
      {
        file: "simulation/cluster/functions.ts",
        find: "  if (shards.some((shard) => owners[shard] !== me)) return null;\n",
        replace: "",
      },
    ],
  },
];
