/** Judges a file of settings by the table of its process, and tells which settings are in force. */
import { meant } from "./arguments.ts";
import { configFile, placeOf, type ConfigFile } from "./config.ts";
import { complain, say } from "./say.ts";
import type { Read, SettingsTable } from "./settings.ts";

const READABLE_BY_OTHERS = 0o004;
/** Secrets inside of a setting: the token of a processor, the password of a URL; and what is before them. */
const INSIDE = /(audit-token=)[^,;]*|(:\/\/[^:/@\s]*:)[^/\s]*(?=@)/g;

/** Ends the process on a name that it does not know; warns of secrets that others may read. */
export function checkConfig(table: SettingsTable, more: readonly string[] = []): void {
  const file = configFile();
  if (file === null) return;
  const stranger = strangerIn(file, [...Object.keys(table), ...more]);
  if (stranger !== null) {
    complain(stranger);
    process.exit(1);
  }
  const warning = warningOf(file, table);
  if (warning !== null) complain(warning);
}

/** The sentence on the first name that is not known, or null. */
export function strangerIn({ path, entries }: ConfigFile, known: readonly string[]): string | null {
  for (const [name, { line }] of entries) {
    if (known.includes(name)) continue;
    return `${path}:${line}: there is no setting ${name} here${meant(name, known)}`;
  }
  return null;
}

export function warningOf(
  { path, mode, entries }: ConfigFile,
  table: SettingsTable,
): string | null {
  if ((mode & READABLE_BY_OTHERS) === 0) return null;
  const secrets = [...entries].filter(([name, { value }]) => isSecret(table, name, value));
  if (secrets.length === 0) return null;
  const names = secrets.map(([name]) => name).join(", ");
  return `warning: ${path} has secrets (${names}) that everybody may read: chmod o-r ${path}`;
}

function isSecret(table: SettingsTable, name: string, value: string): boolean {
  return value !== "" && (table[name]?.shown === "secret" || value.search(INSIDE) !== -1);
}

/** Prints what is in force, and where it comes from; ends the process, with 1 when a setting is bad. */
export function settingsByHand(table: SettingsTable, read: Read<unknown>): never {
  if (!read.ok) {
    complain(read.reason);
    return process.exit(1);
  }
  say(describeInForce(table, process.env));
  return process.exit(0);
}

export function describeInForce(
  table: SettingsTable,
  env: Record<string, string | undefined>,
): string {
  const rows = Object.entries(table).map(([name, { default: usual, shown }]) => {
    const place = placeOf(name) ?? (env[name] ? "environment" : "default");
    const text = (env[name] || usual).trimEnd();
    if (text === "") return [name, place, "not set"];
    return [name, place, shown === "secret" ? "set" : text.replaceAll(INSIDE, "$1$2set")];
  });
  const [names, places] = [0, 1].map((at) => Math.max(...rows.map((row) => row[at]!.length)));
  return rows
    .map(([name, place, value]) => `${name!.padEnd(names!)}  ${place!.padEnd(places!)}  ${value}\n`)
    .join("");
}
