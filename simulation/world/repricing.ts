/**
 * Somebody who changes the fees in the configuration while payments are on their way, and starts the worker
 * anew, which is when it reads them.
 */
import type { Scene } from "./scene.ts";

export function changeTariffs(world: Scene): void {
  const { gateway, tariff, time } = world;
  world.counts.tariffChanges++;
  gateway.changeTariffs();
  world.note("worker stops, to be started with other tariffs");
  gateway.crash();
  time.after(tariff.pick([0, 5, 300]), () => {
    if (!gateway.up) world.startGateway();
  });
}
