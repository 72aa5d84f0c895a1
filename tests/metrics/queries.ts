/** Reads what queries of Prometheus ask for, and what a page of metrics has. */

/** Names of metrics, each with the names of labels. */
export type Asked = Map<string, Set<string>>;

/** Labels that Prometheus puts to what it scrapes. */
const SCRAPED = new Set(["job", "instance"]);

export function asked(expr: string, legend: string): Asked {
  const everywhere = Array.from(
    expr.matchAll(/\b(?:by|on|ignoring) \(([^)]*)\)/g),
    ([, list = ""]) => list.split(/,\s*/),
  )
    .flat()
    .filter(isOwn);
  const inLegend = Array.from(
    legend.matchAll(/\{\{(?:\s*\$labels\.)?(\w+)\s*\}\}/g),
    ([, name]) => name!,
  ).filter(isOwn);
  // A metric after `unless` gives no labels to the result.
  const unlessAt = expr.search(/ unless |$/);
  const used: Asked = new Map();
  for (const match of expr.matchAll(/\b(papaleguas_\w+)(?:\{([^}]*)\})?/g)) {
    const [, name = "", matchers = ""] = match;
    const labels = Array.from(matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g), ([, label]) => label!);
    const shown = match.index < unlessAt ? inLegend : [];
    used.set(name, new Set([...(used.get(name) ?? []), ...labels, ...everywhere, ...shown]));
  }
  return used;
}

function isOwn(label: string): boolean {
  return label !== "" && !SCRAPED.has(label);
}

export function addShown(shown: Asked, page: string): void {
  for (const [, name = "", labels = ""] of page.matchAll(/^(\w+)(?:\{([^}]*)\})? /gm)) {
    const names = Array.from(labels.matchAll(/(\w+)="/g), ([, label]) => label!);
    shown.set(name, new Set([...(shown.get(name) ?? []), ...names]));
  }
}

/** Names what is asked for and not there, as `name` or `name{label}`. */
export function missing(used: Asked, shown: Asked): string[] {
  return [...used].flatMap(([name, labels]) => {
    const there = shown.get(name);
    if (there === undefined) return [name];
    return [...labels].filter((label) => !there.has(label)).map((label) => `${name}{${label}}`);
  });
}
