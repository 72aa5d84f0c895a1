/** Lists what a run left out, by the reason that its tests give: a tool that is missing is seen. */
export type Skip = { readonly file: string; readonly name: string };

const SKIPPED =
  /<testcase name="([^"]*)" classname="([^"]*)"[^>]* file="([^"]*)"[^>]*>\s*<skipped\b/g;
const ENTITIES = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" } as const;

/** Finds the tests that a JUnit report has as skipped, each with those that it belongs to. */
export function skipsIn(junit: string): Skip[] {
  return Array.from(junit.matchAll(SKIPPED), ([, name = "", group = "", file = ""]) => ({
    file,
    name: plain(group === "" ? name : `${group} > ${name}`),
  }));
}

/** A line for each reason. A test that gives none is named itself. */
export function describeSkips(skips: readonly Skip[]): string[] {
  const byReason = Map.groupBy(skips, ({ name }) => reasonOf(name));
  return Array.from(byReason, ([reason, of]) => {
    const files = [...new Set(of.map(({ file }) => file))].sort().join(", ");
    return `skipped ${of.length}: ${reason} (${files})`;
  }).sort();
}

/** The reason stands at the end of a name: `… (skipped: there is no strace)`. */
function reasonOf(name: string): string {
  return /\(skipped: (.*?)\)(?: > |$)/.exec(name)?.[1] ?? name;
}

function plain(text: string): string {
  return text.replaceAll(/&(\w+);/g, (entity, name) =>
    Object.hasOwn(ENTITIES, name) ? ENTITIES[name as keyof typeof ENTITIES] : entity,
  );
}
