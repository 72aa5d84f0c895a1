/** Counts the tests of a run, from its JUnit report; and what the report leaves out. */
export type Counts = {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
};

/**
 * The report knows only files that loaded. A file that throws on import, exits the process or holds
 * no test is missing from it, and each counts as one failed; so does a run that failed in no test.
 */
export function countTests(
  junit: string,
  exitCode: number,
  testFiles: readonly string[],
): { counts: Counts; missing: string[] } {
  const all = attribute(junit, "tests");
  const failures = attribute(junit, "failures");
  const skipped = attribute(junit, "skipped");
  const reported = new Set(
    [...junit.matchAll(/<testsuite\b[^>]* file="([^"]*)"/g)].map(([, file]) => file),
  );
  const missing = testFiles.filter((file) => !reported.has(file));
  const failed = failures + missing.length;
  return {
    counts: {
      passed: all - failures - skipped,
      failed: failed === 0 && exitCode !== 0 ? 1 : failed,
      skipped,
    },
    missing,
  };
}

/** A number of the report's outermost element, which adds up all the others. */
function attribute(junit: string, name: string): number {
  const outermost = /<testsuites\b[^>]*>/.exec(junit)?.[0] ?? "";
  return Number(new RegExp(` ${name}="(\\d+)"`).exec(outermost)?.[1] ?? 0);
}

export function sum(a: Counts, b: Counts): Counts {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
  };
}
