/**
 * Kinds of processors by name: those that the worker speaks itself, and a file of somebody's own, which is
 * loaded from where it stands, from source as in the compiled worker. A file that fails its check keeps the
 * worker from starting, with the reason: nothing has been charged then.
 */
import { resolve } from "node:path";
import { whyNotUsable } from "./check.ts";
import { guarded } from "./guarded.ts";
import { rinha } from "./rinha.ts";
import { stripeIn } from "./stripe.ts";
import type { Adapter } from "./adapter.ts";

export type KindSetting = {
  /** `rinha`, `stripe`, or a file: a path that begins with `./`, `../` or `/`. The first when absent. */
  readonly kind?: string | undefined;
  /** In ISO 4217, for a kind that is told one. */
  readonly currency?: string | undefined;
};

/** `folder`: where relative paths begin. Throws with a sentence about the setting. */
export async function adapterOf(
  { kind = "rinha", currency }: KindSetting,
  folder = process.cwd(),
): Promise<Adapter> {
  if (kind === "rinha") return rinha;
  if (kind === "stripe") {
    if (currency === undefined) throw new Error("the kind stripe needs a currency");
    return stripeIn(currency);
  }
  if (!/^\.{0,2}\//.test(kind)) {
    throw new Error(`the kind ${kind} is neither rinha nor stripe nor a path such as ./adapter.ts`);
  }
  return load(kind, resolve(folder, kind));
}

async function load(kind: string, file: string): Promise<Adapter> {
  const module = await import(file).catch((error: Error) => {
    throw new Error(`the adapter ${kind} cannot be loaded: ${error.message}`);
  });
  const adapter: unknown = module.default;
  const why = whyNotUsable(adapter);
  if (why !== null) throw new Error(`the adapter ${kind} cannot be used: ${why}`);
  return guarded(adapter as Adapter);
}
