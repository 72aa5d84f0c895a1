import type { Scene } from "./scene.ts";
import { Violation } from "./violation.ts";

/** A year later, say: every id is known, with its amount, and charges nothing again. `isOver` ends the run early. */
export function comeBack(world: Scene, isOver: () => boolean): void {
  const { time, checker, chance, counts } = world;
  if (chance.happens(0.5)) {
    world.gateway.crash();
    world.startGateway();
    time.run(time.nowMs + 2_000, isOver);
  }
  const chargesBefore = counts.charges;
  let unanswered = 0;
  const expect = (id: string, cents: number, kind: string) => {
    unanswered++;
    world.insist(id, cents, (answer) => {
      unanswered--;
      world.watch(() => {
        if (answer === kind) return;
        throw new Violation(`I8: ${id} posted again is answered ${answer}`);
      });
    });
  };
  for (const [id, cents] of checker.acknowledged) {
    expect(id, cents, "duplicate");
    if (chance.happens(0.3)) expect(id, cents + 7, "conflict");
  }
  time.run(time.nowMs + 30_000, () => isOver() || unanswered === 0);
  if (isOver()) return;
  if (unanswered > 0) throw new Violation(`I8: ${unanswered} ids posted again are not answered`);
  if (counts.charges !== chargesBefore)
    throw new Violation("I8: an id that came back was charged again");
}
