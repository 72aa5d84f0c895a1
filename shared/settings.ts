/**
 * Settings come from the environment and a file beside it, and are checked once, at start. One table per process is the
 * source of everything: the values, `--help`, the table in the README, and the sentence for a bad one.
 */
import * as v from "valibot";
import { placeOf } from "./config.ts";
import { LOG_LEVELS } from "./log.ts";

export type Setting<T> = {
  /** Text as it would stand in the environment; an empty text means "none". */
  readonly default: string;
  readonly meaning: string;
  readonly schema: v.GenericSchema<string, T>;
  /**
   * `secret` does not show a bad value. `itself` takes the schema's words about a bad value as the
   * sentence.
   */
  readonly shown: "whole" | "secret" | "itself";
};
export type SettingsTable = Record<string, Setting<unknown>>;
export type SettingsOf<T extends SettingsTable> = {
  readonly [K in keyof T]: v.InferOutput<T[K]["schema"]>;
};

export function setting<T>(
  defaultText: string,
  meaning: string,
  schema: v.GenericSchema<string, T>,
  shown: Setting<T>["shown"] = "whole",
): Setting<T> {
  return { default: defaultText, meaning, schema, shown };
}

/** The values, or the sentence that names the first setting that does not parse. */
export type Read<S> =
  { readonly ok: true; readonly settings: S } | { readonly ok: false; readonly reason: string };

export function readSettings<T extends SettingsTable>(
  table: T,
  env: Record<string, string | undefined>,
): Read<SettingsOf<T>> {
  const settings: Record<string, unknown> = {};
  for (const [name, entry] of Object.entries(table)) {
    const text = env[name] || entry.default;
    const parsed = v.safeParse(entry.schema, text);
    if (!parsed.success) {
      const sentence = sentenceOn(name, entry, text, parsed.issues[0].message);
      const place = placeOf(name);
      return { ok: false, reason: place === null ? sentence : `${place}: ${sentence}` };
    }
    settings[name] = parsed.output;
  }
  return { ok: true, settings: settings as SettingsOf<T> };
}

/** An address with a name and a password, or what is left of one by a slip. */
const MAY_HAVE_PASSWORD = /@|:\/\/[^/]*:/;

/** A secret must not be repeated into a log, nor what may be an address with a password. */
function sentenceOn(
  name: string,
  { shown }: Setting<unknown>,
  text: string,
  expected: string,
): string {
  if (shown === "itself") return `${name}: ${expected}`;
  const isHidden = shown === "secret" || MAY_HAVE_PASSWORD.test(text);
  return `${name}: ${isHidden ? "the value given" : JSON.stringify(text)} is not ${expected}`;
}

/** Writes the help text of a process: one line a setting. */
export function describeSettings(usage: string, table: SettingsTable): string {
  const width = Math.max(...Object.keys(table).map((name) => name.length));
  const lines = Object.entries(table).map(
    ([name, entry]) =>
      `  ${name.padEnd(width)}  ${entry.meaning} (default: ${entry.default || "none"})`,
  );
  return `${usage}\n\nSettings (environment):\n${lines.join("\n")}\n`;
}

export const integer = (min: number, max: number) =>
  v.pipe(
    v.string(),
    v.regex(/^\d{1,15}$/, `a whole number from ${min} to ${max}`),
    v.transform(Number),
    v.minValue(min, `a whole number from ${min} to ${max}`),
    v.maxValue(max, `a whole number from ${min} to ${max}`),
  );

export const flag = () =>
  v.pipe(
    v.picklist(["true", "false"], "true or false"),
    v.transform((text) => text === "true"),
  );

export const text = () => v.string();

const HOST = /^[\w.:%-]{1,255}$/;
const HOST_FORM = "a name or an address";
export const isHost = (value: string) => HOST.test(value);

/** A name or a literal address, without brackets or a port; whether it can be bound shows later. */
export const host = () => v.pipe(v.string(), v.check(isHost, HOST_FORM));

/** A secret; while it is rotated, the new one before the old one, and both are taken. */
export type Secrets = readonly [newest: string, ...old: string[]];

/**
 * `SECRET` or `NEW,OLD`; null when it is empty. White space at the end comes from the file that it was
 * read from, and belongs to no secret, nor does any around the comma.
 */
export const optionalSecrets = (form: RegExp, expected: string) =>
  v.pipe(
    v.string(),
    v.transform((value) => (value === "" ? null : value.trimEnd().split(/\s*,\s*/))),
    v.check(
      (parts) => parts === null || parts.length <= 2,
      "one secret, or NEW,OLD: it has more than one comma",
    ),
    v.check(
      (parts) => parts === null || parts.length === 1 || !parts.includes(""),
      "NEW,OLD: there is nothing on one side of its comma",
    ),
    v.check((parts) => parts === null || parts.every((part) => form.test(part)), expected),
    v.check(
      (parts) => parts === null || parts[0] !== parts[1],
      "NEW,OLD: both sides of its comma are the same",
    ),
    v.transform((parts) => parts as Secrets | null),
  );

/** Tokens that come after `Authorization: Bearer`. */
export const optionalTokens = () =>
  optionalSecrets(/^[!-~]([ -~]*[!-~])?$/, "a text that a header can carry");

export type HostAndPort = { readonly host: string; readonly port: number };

/** `host:port`, IPv6 hosts in brackets. */
const endpoint = () =>
  v.pipe(
    v.string(),
    v.regex(/^(\[[0-9a-fA-F:]+\]|[^:,\s]+):\d{1,5}$/, "host:port"),
    v.transform((value): HostAndPort => {
      const colon = value.lastIndexOf(":");
      const name = value.slice(0, colon).replace(/^\[|\]$/g, "");
      return { host: name, port: Number(value.slice(colon + 1)) };
    }),
    v.check(({ port }) => port <= 65535, "host:port with a port up to 65535"),
  );
export const endpoints = () => several(endpoint());

export function parseEndpoint(value: string): HostAndPort | null {
  const parsed = v.safeParse(endpoint(), value);
  return parsed.success ? parsed.output : null;
}

export function endpointText({ host: name, port }: HostAndPort): string {
  return `${name.includes(":") ? `[${name}]` : name}:${port}`;
}

/** An http or https address without credentials, as its origin and path without a trailing slash. */
const httpUrl = () =>
  v.pipe(
    v.string(),
    v.check((value) => parseHttpUrl(value) !== null, "an http:// or https:// address"),
    v.transform((value) => parseHttpUrl(value) as string),
  );
export const httpUrls = () => several(httpUrl());

/** A list of at least one, separated by commas. */
function several<T>(one: v.GenericSchema<string, T>) {
  return v.pipe(
    v.string(),
    v.transform((value) => value.split(/\s*,\s*/)),
    v.array(one),
    v.transform((values): readonly [T, ...T[]] => values as [T, ...T[]]),
  );
}

export function parseHttpUrl(value: string): string | null {
  if (!URL.canParse(value)) return null;
  const url = new URL(value);
  if (url.protocol !== "http:" && url.protocol !== "https:") return null;
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "")
    return null;
  return url.href.replace(/\/+$/, "");
}

export const commonSettings = {
  LINK_SECRET: setting(
    "",
    "HMAC key of the link, or NEW,OLD while it is rotated; required when the link is bound or sent beyond loopback or a private network, and of 16 characters or more beyond loopback",
    optionalSecrets(/\S/, "a text"),
    "secret",
  ),
  LOG_LEVEL: setting(
    "info",
    `${LOG_LEVELS.join(", ")}; one JSON object a line on stdout`,
    v.picklist(LOG_LEVELS, `one of ${LOG_LEVELS.join(", ")}`),
  ),
};
