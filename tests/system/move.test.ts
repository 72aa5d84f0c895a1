/**
 * A journal is moved from a file into a database and back, by hand, with payments open in every way: the
 * gateway goes on at each place, nothing is charged twice, and the audit by hand finds nothing.
 */
import { expect, test } from "bun:test";
import { NO_POSTGRES, startPostgres, WHY_NO_POSTGRES } from "../../testing/postgres.ts";
import { run } from "../../testing/process.ts";
import { fromSource } from "../../testing/programs.ts";
import { processorsAt, Stack } from "../../testing/stack.ts";
import { until } from "../../testing/until.ts";

const AMOUNT_CENTS = 1_990;

test.skipIf(WHY_NO_POSTGRES !== null)(
  `a journal goes to a database and back, and the gateway goes on at each${NO_POSTGRES}`,
  async () => {
    await using postgres = await startPostgres({ fsync: false });
    const url = await postgres.database();
    const env = { CLUSTER_ALLOW_SINGLE: "true", PROCESSOR_TIMEOUT_MS: "300" };
    await using stack = await Stack.start({ env });
    const audited = processorsAt(
      stack.processors.map(({ url: at }) => at),
      ";audit-token=123",
    );
    const command = (...args: string[]) =>
      run(fromSource("worker.ts", ...args), {
        env: { ...stack.worker.env, PROCESSORS: audited },
      });
    const ready = () => until("it is ready", () => stack.gateway.isReady());
    const pay = async (count: number) => {
      const ids = Array.from({ length: count }, () => crypto.randomUUID());
      for (const id of ids) expect(await stack.gateway.pay(id, AMOUNT_CENTS)).toBe(202);
      return ids;
    };
    /** Stops the worker, moves its journal, and starts it there. */
    const move = async (from: string, to: string) => {
      const busy = await command("move", "--from", from, "--to", to);
      expect(busy.code).toBe(1);
      expect(busy.err).toMatch(/a worker is using it|works there: stop it first/);
      await stack.worker.stop();
      const moved = await command("move", "--from", from, "--to", to);
      expect({ code: moved.code, err: moved.err }).toEqual({ code: 0, err: "" });
      const start = await command();
      expect(start.code).toBe(1);
      expect(start.err).toContain("it was moved to another journal");
      stack.configure({ JOURNAL: to });
      await stack.worker.startAndWait();
      await ready();
      return moved.out;
    };
    await ready();
    const first = await pay(20);
    await until("they are settled", () => stack.gateway.areSettled(first));
    // Some are charged, and nobody hears of it; they are unknown when the journal moves.
    for (const processor of stack.processors) {
      await processor.setFaults({ hangAll: true, hangInserts: true });
    }
    const open = await pay(8);
    await until("some are unknown", async () => {
      const states = await Promise.all(open.map((id) => stack.gateway.stateOf(id)));
      return states.includes("unknown");
    });
    const file = `sqlite:${stack.journalPath}`;
    const said = await move(file, url);
    expect(said).toContain("28 payments");
    expect(said).toMatch(/^default +20 +398\.00 /m);
    for (const processor of stack.processors) await processor.setFaults({});
    const more = await pay(5);
    const repeated = await stack.gateway.pay(first[0]!, AMOUNT_CENTS);
    expect([repeated, await stack.gateway.pay(first[0]!, 1)]).toEqual([202, 409]);
    const all = [...first, ...open, ...more];
    await until("all are settled", () => stack.gateway.areSettled(all));
    const audit = async () => {
      await Bun.sleep(1_000); // The audit ends where calls may be under way.
      const { code, out, err } = await command("audit");
      expect({ code, err }).toEqual({ code: 0, err: "" });
      return out;
    };
    expect(await audit()).toMatch(/default: equal/);

    await move(url, `${file}-back`);
    all.push(...(await pay(3)));
    await until("all are settled again", () => stack.gateway.areSettled(all));
    expect(await audit()).toMatch(/default: equal/);
    const charged = (await Promise.all(stack.processors.map((one) => one.payments()))).flat();
    expect(charged.map(({ correlationId }) => correlationId).sort()).toEqual(all.toSorted());
    const sums = Object.values(await stack.gateway.summary(null));
    expect(sums.reduce((sum, { cents }) => sum + cents, 0)).toBe(all.length * AMOUNT_CENTS);
  },
);

test("a move says in one line what it cannot do", async () => {
  const env = { JOURNAL: "sqlite:./one.db" };
  const moved = (...args: string[]) => run(fromSource("worker.ts", "move", ...args), { env });
  const same = await moved("--to", "sqlite:./two.db");
  expect(same).toMatchObject({ code: 1, out: "" });
  expect(same.err).toBe(
    "the journal is not moved: one of both is a file, and the other a database\n",
  );
  const nowhere = await moved();
  expect(nowhere.code).toBe(2);
  expect(nowhere.err).toContain("it is not said from where, nor to where");
});
