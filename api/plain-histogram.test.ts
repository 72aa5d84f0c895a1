import { expect, test } from "bun:test";
import fc from "fast-check";
import { Histogram, Registry } from "prom-client";
import { PlainHistogram } from "./plain-histogram.ts";

const OPTIONS = { name: "some_seconds", help: "Some.", buckets: [0.0001, 0.005, 0.25, 1, 2.5] };

test("is written as prom-client writes its own, whatever was observed", async () => {
  const seconds = fc.oneof(
    fc.constantFrom(0, ...OPTIONS.buckets),
    fc.double({ min: 0, max: 5, noNaN: true }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(seconds), async (observed) => {
      const theirs = new Histogram({ ...OPTIONS, registers: [] });
      const ours = new PlainHistogram(OPTIONS);
      for (const each of observed) {
        theirs.observe(each);
        ours.observe(each);
      }
      const [expected, written] = [new Registry(), new Registry()];
      expected.registerMetric(theirs);
      written.registerMetric(ours.metric);
      expect(await written.metrics()).toBe(await expected.metrics());
    }),
  );
});
