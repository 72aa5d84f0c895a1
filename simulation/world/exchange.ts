/** Somebody who exchanges the addresses of the first two processors in the configuration, and takes that back. */
import type { Scene } from "./scene.ts";

export function exchangeAddresses(world: Scene): void {
  const { gateway, identity, time } = world;
  world.counts.exchanges++;
  gateway.exchanged = !gateway.exchanged;
  world.note(
    `worker stops, to be started with addresses ${gateway.exchanged ? "exchanged" : "as before"}`,
  );
  gateway.crash();
  time.after(identity.pick([0, 5, 300]), () => {
    if (!gateway.up) world.startGateway();
  });
}

/**
 * Starts the worker with the addresses that the journal has, as an operator would who sees that
 * payments are held up.
 */
export function takeBack(world: Scene): void {
  const { disk, gateway, processors } = world;
  const kept = disk.urlOf(processors[0]!.name);
  const exchanged = kept === processors[1]?.url;
  if (gateway.exchanged === exchanged) return;
  gateway.exchanged = exchanged;
  gateway.crash();
}
