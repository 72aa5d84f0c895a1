/**
 * Faults of a cluster: something is killed, stopped for a while, or cut off, alone or with another
 * thing in the middle of it. Which machine that is, is found when it is time: the primary is whichever
 * is one then.
 */
import { integerFrom, pick } from "../../../testing/random.ts";
import type { Node } from "./database.ts";
import { signal, type Machine } from "./network.ts";
import type { Service, Stand } from "./stand.ts";

export type Deed = "kill" | "pause" | "cut";
export type Part =
  | "worker"
  | "api"
  /** PostgreSQL's processes alone: Patroni beside them goes on. */
  | "primary"
  | "primary's machine"
  | "standby's machine"
  | "etcd member";
export type Fault = { readonly deed: Deed; readonly part: Part; readonly ms: number };
export type Round = { readonly faults: readonly Fault[]; readonly apartMs: number };

const DEEDS: Readonly<Record<Part, readonly Deed[]>> = {
  worker: ["kill", "pause", "cut"],
  api: ["kill", "pause", "cut"],
  primary: ["kill", "pause"],
  "primary's machine": ["kill", "pause", "cut"],
  "standby's machine": ["kill", "pause", "cut"],
  "etcd member": ["kill", "pause"],
};
const SINGLES = (Object.keys(DEEDS) as Part[]).flatMap((part) =>
  DEEDS[part].map((deed) => ({ deed, part })),
);
const PAIR_SHARE = 0.3;
/** Kills come more often than the others. */
const KILL_SHARE = 0.4;
const APART_MS_MAX = 2_000;
/** Around the lease of a worker, 3 s. */
const SHORT_MS = { min: 300, max: 6_000 };
/** Around the time after which Patroni takes a machine for gone, 20 s. */
const LONG_MS = { min: 3_000, max: 26_000 };
const LONG_SHARE = 0.35;

export function drawRound(random: () => number, nth: number): Round {
  // The first rounds are each kind once, in the order of the table.
  const first = SINGLES[nth];
  const drawn = [first ?? drawFault(random)];
  if (first === undefined && random() < PAIR_SHARE) {
    const others = SINGLES.filter(({ part }) => part !== drawn[0]?.part);
    drawn.push(pick(random, others));
  }
  return {
    faults: drawn.map(({ deed, part }) => ({ deed, part, ms: drawMs(random, part) })),
    apartMs: integerFrom(random, 0, APART_MS_MAX),
  };
}

function drawFault(random: () => number): Omit<Fault, "ms"> {
  const isKill = random() < KILL_SHARE;
  return pick(random, isKill ? SINGLES.filter(({ deed }) => deed === "kill") : SINGLES);
}

function drawMs(random: () => number, part: Part): number {
  const isMachine = part.endsWith("machine");
  const { min, max } = isMachine && random() < LONG_SHARE ? LONG_MS : SHORT_MS;
  return integerFrom(random, min, max);
}

export function nameOf({ faults }: Round): string {
  return faults.map(({ deed, part }) => `${deed} ${part}`).join(" + ");
}

/** Does all of it, and undoes it: what was killed is started again when its time is over. */
export async function runRound(stand: Stand, { faults, apartMs }: Round, random: () => number) {
  // Once the first is hit, nobody may know any more which the others are.
  const targets: (Target | null)[] = [];
  for (const { part } of faults) targets.push(await targetOf(stand, part, random));
  const undone = faults.map(async (fault, i) => {
    await Bun.sleep(i * apartMs);
    const target = targets[i] ?? null;
    if (target === null) return `${fault.part}: there was none`;
    await target.hit(fault.deed);
    await Bun.sleep(fault.ms);
    await target.heal(fault.deed);
    return `${target.name} for ${(fault.ms / 1_000).toFixed(1)} s`;
  });
  return (await Promise.all(undone)).join(", ");
}

type Target = {
  readonly name: string;
  readonly hit: (deed: Deed) => Promise<void>;
  readonly heal: (deed: Deed) => Promise<void>;
};

async function targetOf(stand: Stand, part: Part, random: () => number): Promise<Target | null> {
  const { database, workers, apis } = stand;
  switch (part) {
    case "api":
      return serviceTarget(pick(random, apis));
    case "worker":
      return serviceTarget(pick(random, workers));
    case "etcd member":
      return etcdTarget(pick(random, database.nodes));
    case "primary":
    case "primary's machine":
    case "standby's machine": {
      const primary = await database.primary();
      if (primary === null) return null;
      if (part === "primary") return postgresTarget(primary);
      if (part === "primary's machine") return machineTarget(primary);
      return machineTarget(
        pick(
          random,
          database.nodes.filter((node) => node !== primary),
        ),
      );
    }
  }
}

function serviceTarget({ machine, child }: Service): Target {
  return {
    name: machine.name,
    async hit(deed) {
      if (deed === "cut") await machine.cut();
      else if (deed === "pause") child.signal("SIGSTOP");
      else await child.kill();
    },
    async heal(deed) {
      if (deed === "cut") await machine.heal();
      else if (deed === "pause") child.signal("SIGCONT");
      else if (!child.isRunning) child.start();
    },
  };
}

function etcdTarget({ machine, etcd }: Node): Target {
  return { ...serviceTarget({ machine, child: etcd } as Service), name: `etcd of ${machine.name}` };
}

/** Patroni starts PostgreSQL again by itself. */
function postgresTarget(node: Node): Target {
  let hit: readonly number[] = [];
  return {
    name: `postgres of ${node.machine.name}`,
    async hit(deed) {
      hit = node.postgres();
      for (const pid of hit) signal(pid, deed === "kill" ? "SIGKILL" : "SIGSTOP");
    },
    async heal(deed) {
      if (deed === "pause") for (const pid of hit) signal(pid, "SIGCONT");
    },
  };
}

/** A killed machine has lost all of its processes, and starts with what is on its disk. */
function machineTarget(node: Node): Target {
  const { machine } = node;
  return {
    name: machine.name,
    async hit(deed) {
      if (deed === "cut") return machine.cut();
      toAll(machine, deed === "pause" ? "SIGSTOP" : "SIGKILL");
      if (deed === "kill") await Promise.all([node.etcd.kill(), node.patroni.kill()]);
    },
    async heal(deed) {
      if (deed === "cut") return machine.heal();
      if (deed === "pause") toAll(machine, "SIGCONT");
      else node.start();
    },
  };
}

function toAll(machine: Machine, name: NodeJS.Signals): void {
  for (const { pid } of machine.processes()) signal(pid, name);
}
