/**
 * Bugs that show where a commit fails in its middle or at its end, or a datagram reaches another API. The seeds that
 * find them have such troubles (simulation/world/rough.ts).
 */
import type { PlantedBug } from "./edits.ts";

export const BUGS_OF_THE_MACHINE: readonly PlantedBug[] = [
  {
    name: "a commit that fails is not rolled back",
    seedsFrom: 18,
    seedsMax: 50,
    edits: [
      {
        file: "worker/journal/store.ts",
        find: "      this.#rollback();\n      throw error;",
        replace: "      throw error;",
      },
    ],
  },
  {
    name: "old open payments taken for written down before their commit holds",
    seedsFrom: 56,
    seedsMax: 400,
    edits: [
      {
        file: "worker/journal/store.ts",
        find: "      commit.run();\n      this.#unsettled.holds(recentFromSeq);",
        replace: "      this.#unsettled.holds(recentFromSeq);\n      commit.run();",
      },
    ],
  },
  {
    name: "what has happened is forgotten when its commit fails",
    seedsFrom: 9,
    seedsMax: 100,
    edits: [
      {
        file: "worker/journal/group-commit.ts",
        find: "    this.#waiting = [...kept, ...this.#waiting];",
        replace: "    this.#waiting = [...kept.slice(1), ...this.#waiting];",
      },
    ],
  },
  {
    name: "a verdict believed that is another API's",
    seedsFrom: 238,
    seedsMax: 400,
    edits: [
      {
        file: "shared/link/client.ts",
        find: "if (instance !== this.#options.instance || !this.#believes",
        replace: "if (instance < 0 || !this.#believes",
      },
    ],
  },
];
