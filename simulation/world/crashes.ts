/** Ends processes, and starts them again. */
import type { Scene } from "./scene.ts";

export function crashWorker(world: Scene): void {
  const { chance, time, gateway } = world;
  world.note("worker crashes");
  world.counts.crashes++;
  gateway.crash();
  // The start is often soon, so that the next crash may meet the worker while it recovers.
  time.after(chance.pick([0, 5, 300, 3_000]), () => {
    if (!gateway.up) world.startGateway();
  });
}

/** Worker and APIs are on the machine; what the disk had not synced is gone. */
export function cutPower(world: Scene): void {
  world.note("power cut");
  world.counts.powerCuts++;
  for (const api of world.apis) api.crash();
  crashWorker(world);
  world.disk.powerCut();
  for (const api of world.apis) api.start();
}

export function crashApi(world: Scene): void {
  const number = world.chance.between(0, world.apis.length - 1);
  const api = world.apis[number]!;
  world.note(`api ${number} crashes`);
  api.crash();
  world.time.after(world.chance.next() * 500, () => {
    if (!api.isUp) api.start();
  });
}
