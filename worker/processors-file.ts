/**
 * Reads PROCESSORS_FILE: the processors as JSON, with all that PROCESSORS, one line, has no room for. The
 * first mistake is a sentence with its path (`processors[1].fee.percent: "399" is above 100`). A secret
 * is named and never written: the file says in which variable or in which file it is, and no sentence
 * repeats a text that may be one.
 *
 * The schema is also where `docs/processors.schema.json` comes from, which editors read.
 */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import * as v from "valibot";
import { PROCESSOR_NAME_TEXT } from "../shared/payment.ts";
import { parseHttpUrl } from "../shared/settings.ts";
import { fee, matching, missingOr, quoted, strict, tariffOf, type Issue } from "./fee-terms.ts";
import { PROCESSORS_MAX } from "./limits.ts";
import {
  findTwin,
  whyNotSpoken,
  type ProcessorKind,
  type ProcessorSetting,
} from "./processor-setting.ts";

/** A text that may be a secret, so that nothing of it is shown. */
const hidden = (what: string) => v.string(missingOr(() => `is not ${what}`));
const NAMED = 'a secret\'s name, as {"env": "NAME"} or {"file": "PATH"}: it is never written here';
const secret = v.pipe(
  strict(
    {
      env: v.optional(
        v.pipe(
          hidden("the name of a variable"),
          v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "is not the name of a variable"),
        ),
      ),
      file: v.optional(v.pipe(hidden("a path"), v.nonEmpty("is not a path"))),
    },
    NAMED,
  ),
  v.check(
    ({ env, file }) => (env === undefined) !== (file === undefined),
    "has not one of env, file",
  ),
);

const HEADER = "a header that HTTP and this gateway leave to others";
/** Names that say how a call is framed, where it goes and what it carries. */
const OWN_HEADERS =
  /^(?:host|connection|content-.*|transfer-encoding|te|trailer|upgrade|keep-alive|expect)$/i;
const headerName = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, `is not ${HEADER}`),
  v.check((name) => !OWN_HEADERS.test(name), `is not ${HEADER}`),
);
const headerValue = v.pipe(
  hidden("a text"),
  v.regex(/^[!-~](?:[ -~]*[!-~])?$/, "has a character that no header can carry"),
);

const KIND = '"rinha", "stripe" or a file, "./my-adapter.ts"';
const processor = strict(
  {
    name: matching(
      new RegExp(PROCESSOR_NAME_TEXT),
      "a name: a small letter, then small letters, digits and -, 32 at most",
    ),
    kind: v.optional(matching(/^(?:rinha|stripe|\.\/.*[^/])$/, KIND), "rinha"),
    url: v.pipe(
      hidden("an address"),
      // A user, a query or a fragment may be a secret.
      v.check(
        (value) => parseHttpUrl(value) !== null,
        "is not an http:// or https:// address without a user, a query and a fragment",
      ),
    ),
    fee,
    secret: v.optional(secret),
    auditToken: v.optional(secret),
    headers: v.optional(v.record(headerName, headerValue, "is not headers by name")),
  },
  "a processor",
);

export const processorsFile = strict(
  {
    $schema: v.optional(quoted("the address of a schema")),
    currency: v.optional(matching(/^[A-Z]{3}$/, "a currency as ISO 4217 has it: BRL")),
    processors: v.pipe(
      v.array(
        processor,
        missingOr(() => "is not a list"),
      ),
      v.minLength(1, "none is given, and payments go nowhere else"),
      v.maxLength(PROCESSORS_MAX, `more than ${PROCESSORS_MAX}`),
    ),
  },
  'an object, as {"processors": […]}',
);

type Env = Readonly<Record<string, string | undefined>>;
type Read =
  | { readonly ok: true; readonly value: readonly ProcessorSetting[] }
  | { readonly ok: false; readonly reason: string };

/** The processors, or the sentence on the first mistake, which begins with the file's path. */
export function readProcessorsFile(path: string, env: Env): Read {
  try {
    return { ok: true, value: processorsIn(parse(path), { folder: dirname(path), env }) };
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    // What may be an address with a password is not shown.
    const place = path.includes("@") ? "the file given" : path.replaceAll(/\p{Cc}/gu, "?");
    return { ok: false, reason: `${place}: ${error.message}` };
  }
}

class Mistake extends Error {}

function parse(path: string): v.InferOutput<typeof processorsFile> {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) throw new Mistake(`is not JSON: ${wordsOf(error)}`);
    throw new Mistake(`cannot be read: ${(error as NodeJS.ErrnoException).code ?? "no path"}`);
  }
  const parsed = v.safeParse(processorsFile, value, { abortEarly: true });
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const place = pathOf(issue);
  throw new Mistake(place === "" ? issue.message : `${place}: ${issue.message}`);
}

/** Leaves out what the words repeat of the text. */
function wordsOf({ message }: SyntaxError): string {
  return message
    .replace("JSON Parse error: ", "")
    .replaceAll(/"[^]*"/g, "…")
    .replaceAll(/\s+/g, " ");
}

function pathOf({ path }: Issue): string {
  let text = "";
  for (const { key } of path ?? []) {
    if (typeof key === "number") text += `[${key}]`;
    else text += text === "" ? String(key) : `.${String(key)}`;
  }
  return text.replaceAll(/\p{Cc}/gu, "?");
}

type Place = { readonly folder: string; readonly env: Env };

function processorsIn(
  { currency, processors }: v.InferOutput<typeof processorsFile>,
  place: Place,
): ProcessorSetting[] {
  const found = processors.map((one, index): ProcessorSetting => {
    const at = `processors[${index}]`;
    const { name, kind, headers } = one;
    const why = whyNotSpoken({ ...one, ...(currency === undefined ? {} : { currency }) });
    if (why !== null) throw new Mistake(`${at}.kind: ${why}`);
    return {
      name,
      kind: (kind.startsWith(".") ? resolve(place.folder, kind) : kind) as ProcessorKind,
      url: parseHttpUrl(one.url) as string,
      fee: tariffOf(one.fee),
      ...secretIn("auditToken", one.auditToken, `${at}.auditToken`, place),
      ...secretIn("secret", one.secret, `${at}.secret`, place),
      ...(headers === undefined ? {} : { headers }),
      ...(currency === undefined ? {} : { currency }),
    };
  });
  const twin = findTwin(found);
  if (twin === null) return found;
  throw new Mistake(`processors[${twin.index}].${twin.key}: another processor has it`);
}

/** Characters that a header can carry. */
const SECRET = /^[!-~](?:[ -~]*[!-~])?$/;

/** Gives the secret that is named, under its key; nothing when none is. */
function secretIn<K extends string>(
  key: K,
  named: v.InferOutput<typeof secret> | undefined,
  at: string,
  { folder, env }: Place,
): { readonly [key in K]?: string } {
  if (named === undefined) return {};
  const isEnv = named.env !== undefined;
  const value = isEnv ? env[named.env!] : contentOf(resolve(folder, named.file!), at);
  const what = isEnv ? `${at}.env: ${named.env}` : `${at}.file: ${named.file}`;
  if (value === undefined || value.trimEnd() === "") {
    throw new Mistake(`${what} is ${isEnv ? "not set" : "empty"}`);
  }
  // White space at the end comes from an editor, and belongs to no secret.
  const kept = value.trimEnd();
  if (!SECRET.test(kept)) throw new Mistake(`${what} has a character that no header can carry`);
  return { [key]: kept } as { readonly [key in K]?: string };
}

function contentOf(path: string, at: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "no path";
    throw new Mistake(`${at}.file: cannot be read: ${code}`);
  }
}
