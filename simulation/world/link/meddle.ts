import type { Verdict } from "../../../shared/verdict.ts";
import type { Scene } from "../scene.ts";
import { KIND, keyOf, writeDatagram, type Direction } from "./datagram.ts";
import { drawOdd, type Model } from "./odd.ts";
import { secretsOfApi, secretsOfWorker } from "./secrets.ts";
import { flatOf } from "./verdicts.ts";

const ODD_FRAMES = 12;
const ELSEWHERE_FRAMES = 6;
const MAP_VERSION_MAX = 1_000_000;

/**
 * Sends frames to both ends that are wrong by a field, and says of payments that another worker has their shard, or
 * that they cannot be taken.
 */
export function planMeddling(world: Scene): void {
  const { plan, time, aside } = world;
  if (!plan.isLinkHeard) return;
  const at = (times: number, event: () => void) => {
    for (let i = 0; i < times; i++) time.after(aside.next() * plan.troubleMs, event);
  };
  at(ODD_FRAMES, () => meddle(world));
  at(plan.saysElsewhere ? ELSEWHERE_FRAMES : 0, () => sayElsewhere(world));
}

function meddle(world: Scene): void {
  const { aside, apis, gateway } = world;
  const number = aside.between(0, apis.length - 1);
  const direction = aside.pick(["pay", "verdict"] as const);
  const { bytes, reason } = drawOdd(aside, direction, modelOf(world, number, direction));
  if (direction === "verdict") apis[number]!.receiveOdd(bytes, reason);
  else gateway.receiveOdd(bytes, reason, number);
}

function sayElsewhere(world: Scene): void {
  const { aside, apis } = world;
  const number = aside.between(0, apis.length - 1);
  const { key, instance, incarnation, about, correlationId } = modelOf(world, number, "verdict");
  const isRefused = aside.happens(0.3);
  const verdict: Verdict = isRefused
    ? { kind: "invalid" }
    : { kind: "elsewhere", mapVersion: aside.between(1, MAP_VERSION_MAX) };
  const kind = isRefused ? KIND.verdict : KIND.elsewhere;
  const head = { version: 1, kind, instance, incarnation, sequence: 0 };
  world.note(`${verdict.kind}: ${correlationId}`);
  const payload = flatOf({ sequence: about, correlationId, verdict });
  apis[number]!.receive(writeDatagram(key, { ...head, payload }));
}

/** A frame as it would be right, about a payment that waits, if any does. */
function modelOf({ apis, aside, plan }: Scene, number: number, direction: Direction): Model {
  const { tap } = apis[number]!;
  const secrets = tap?.secrets ?? secretsOfApi(plan.rotates, 0);
  const key = keyOf(direction === "pay" ? secretsOfWorker(plan.rotates)[0] : secrets[0], direction);
  const open = tap?.someOpen ?? null;
  return {
    key,
    instance: tap?.instance ?? 1,
    incarnation: tap?.incarnation ?? 1,
    sequence: aside.between(1, MAP_VERSION_MAX),
    correlationId: open?.payment.correlationId ?? aside.uuid(),
    about: open?.sequence ?? 1,
  };
}
