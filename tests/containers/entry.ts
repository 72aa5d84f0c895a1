/**
 * Writes the compose file of an entry to the contest, made from compose.yaml: no build, no
 * variables, images by the names under which they are published.
 *
 *     bun tests/containers/entry.ts docker.io/NAME/papa-leguas > docker-compose.yml
 */
import { join, resolve } from "node:path";

type Service = { build?: unknown; image: string };
type Compose = { services: Record<string, Service>; [other: string]: unknown };

/** `text` is compose.yaml; `values` has what it leaves to the environment. */
export function entryOf(text: string, values: Record<string, string>): string {
  const compose = Bun.YAML.parse(filled(text, values)) as Compose;
  const kept = Object.entries(compose).filter(([name]) => !name.startsWith("x-"));
  for (const service of Object.values(compose.services)) delete service.build;
  // The parts are copied, or those that compose.yaml names once and uses twice would become
  // references again.
  const plain = JSON.parse(JSON.stringify(Object.fromEntries(kept)));
  return `${Bun.YAML.stringify(plain, null, 2)}\n`;
}

/** Fills variables in the forms that compose.yaml has: `${NAME:-default}` and `${NAME:?complaint}`. */
function filled(text: string, values: Record<string, string>): string {
  return text.replaceAll(/\$\{(\w+):([-?])([^}]*)\}/g, (_, name: string, kind, rest: string) => {
    const value = values[name] ?? (kind === "-" ? rest : undefined);
    if (value === undefined) throw new Error(`${name} ${rest}`);
    return value;
  });
}

if (import.meta.main) {
  const [images] = process.argv.slice(2);
  if (images === undefined) {
    process.stderr.write("usage: bun tests/containers/entry.ts docker.io/NAME/papa-leguas\n");
    process.exit(1);
  }
  const file = Bun.file(join(resolve(import.meta.dir, "../.."), "compose.yaml"));
  const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex");
  process.stdout.write(entryOf(await file.text(), { IMAGES: images, LINK_SECRET: secret }));
}
