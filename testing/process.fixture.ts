/** Starts two processes that would run for long, stops one of them, says who they are, and waits. */
import { Child } from "./process.ts";

const kinds = ["KILL", "TERM"] as const;
const children = kinds.map((whenGone) => new Child({ command: ["sleep", "1000"], whenGone }));
for (const child of children) child.start();
children[0]?.signal("SIGSTOP");
process.stdout.write(`${children.map(({ pid }) => pid).join(" ")}\n`);
await Bun.sleep(1_000_000);
