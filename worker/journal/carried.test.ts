/** The contract of every driver about what a payment carries: what is a repeat, and what is forgotten. */
import { afterAll, describe, expect, test } from "bun:test";
import type { Transition } from "../transitions.ts";
import { accept, assigned, DRIVERS, failed, openFresh, settle, uuid } from "./journal.fixture.ts";
import { POSTGRES_DRIVER, stopPostgres } from "./postgres/postgres.fixture.ts";

const DONE = { kind: "done" } as const;
const DUPLICATE = { kind: "duplicate" } as const;
const CONFLICT = { kind: "conflict" } as const;
const ended = (kind: "reject" | "conflict", seq: number) =>
  ({ ...failed(kind, seq), hasSource: true }) as Transition;

afterAll(stopPostgres);

for (const driver of [...DRIVERS, POSTGRES_DRIVER]) {
  describe.skipIf(driver.missing !== null)(`a journal ${driver.name} keeps`, () => {
    const fresh = () => openFresh(driver);

    test("a repeat of what it carries, and nothing else under its id, whatever became of it", async () => {
      await using opened = await fresh();
      const [source, reference] = ["tok_1", "order 1"];
      const carried = { source, reference };
      await opened.apply(
        accept(1, { source }),
        accept(2, { reference }),
        assigned(3, 0, carried),
        assigned(4, 0, carried),
        assigned(5, 0, carried),
        accept(6),
      );
      await opened.apply(
        settle(3, 0, { hasSource: true }),
        ended("reject", 4),
        ended("conflict", 5),
      );
      const again = (n: number, more: Partial<typeof carried>) =>
        accept(100 + n, { correlationId: uuid(n), ...more });
      const other = { source: "tok_2", reference: "order 2" };
      for (const n of [3, 4, 5]) {
        expect(
          await opened.apply(
            again(n, carried),
            again(n, {}),
            again(n, { source }),
            again(n, { reference }),
            again(n, { ...carried, source: other.source }),
            again(n, { ...carried, reference: other.reference }),
          ),
        ).toEqual([DUPLICATE, CONFLICT, CONFLICT, CONFLICT, CONFLICT, CONFLICT]);
      }
      expect(
        await opened.apply(
          again(1, { source }),
          again(1, { source: other.source }),
          again(1, {}),
          again(2, { reference }),
          again(2, { reference: other.reference }),
          again(2, carried),
          again(6, {}),
          again(6, { source }),
          again(6, { reference }),
        ),
      ).toEqual([
        DUPLICATE,
        CONFLICT,
        CONFLICT,
        DUPLICATE,
        CONFLICT,
        CONFLICT,
        DUPLICATE,
        CONFLICT,
        CONFLICT,
      ]);
    });

    test("what a payment carries in the same commit that has its repeat", async () => {
      await using opened = await fresh();
      const carried = { correlationId: uuid(1), source: "tok_1", reference: "order 1" };
      expect(
        await opened.apply(
          accept(1, carried),
          accept(2, carried),
          accept(3, { ...carried, source: "tok_2" }),
        ),
      ).toEqual([DONE, DUPLICATE, CONFLICT]);
    });

    test("a source, and has it for as long as its payment is open", async () => {
      await using opened = await fresh();
      const carried = { source: "tok_1", reference: "Pedido nº 42" };
      await opened.apply(
        ...[1, 2, 3].map((n) => assigned(n, 0, carried)),
        accept(4, { source: "tok_4" }),
        accept(5, { reference: "order 5" }),
        accept(6),
      );
      await opened.apply(
        failed("release", 1),
        ended("reject", 2),
        settle(3, 0, { hasSource: true }),
      );
      const open = await opened.journal.open();
      expect(open.map(({ seq, source, reference }) => ({ seq, source, reference }))).toEqual([
        { seq: 1, ...carried },
        { seq: 2, source: undefined, reference: "Pedido nº 42" } as never,
        { seq: 4, source: "tok_4", reference: undefined } as never,
        { seq: 5, source: undefined, reference: "order 5" } as never,
        { seq: 6, source: undefined, reference: undefined } as never,
      ]);
    });
  });
}
