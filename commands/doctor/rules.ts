/**
 * Compares the load balancer's rules with those that this gateway counts on. They are looked for by their
 * words: whoever has written one in another way reads a warning, and knows better.
 */
import { ok, warning, wrong, type Finding } from "./finding.ts";

type Rule = {
  readonly name: string;
  readonly found: RegExp;
  /** Harm that is done when it is missing. */
  readonly without: string;
  readonly fix: string;
};

const RULES: readonly Rule[] = [
  {
    name: "readiness of APIs",
    found: /^(?:http-check send|option httpchk) .*\/readyz\b/,
    without: "an API that can take nothing is given payments",
    fix: "option httpchk; http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host api",
  },
  {
    name: "whole requests",
    found: /^option http-buffer-request\b/,
    without: "slow clients hold connections to the APIs",
    fix: "option http-buffer-request",
  },
  {
    name: "repeats",
    found: /^retry-on conn-failure\s*$|^retries 0\b/,
    without: "what an API may have taken is sent again, or what never left is not",
    fix: "retry-on conn-failure",
  },
  {
    name: "length of bodies",
    found: /^http-request (?:return|deny) .*\b413\b.*content-length/,
    without: "large bodies fill its memory",
    fix: "http-request return status 413 if { req.hdr_val(content-length) gt 8192 }",
  },
  {
    name: "paths in normal form",
    // Where every path is turned away that is not one of a list, none is left to be taken for another.
    found:
      /^http-request (?:return|deny) .*(?:path_sub .*\/\.|\bunless \{ path(?:_reg \^| -m str )\/)/,
    without: "a path with /. or an escape may reach what its rule does not mean",
    fix: "http-request return status 400 if { path_sub /. // % \\\\ }",
  },
  {
    name: "event streams",
    found: /^http-request set-timeout server .*\/dashboard/,
    without:
      "the page loses its connection whenever nothing happens for as long as `timeout server`",
    fix: "http-request set-timeout server 1h if { path_beg /dashboard }",
  },
];

/** A path of the worker's own listener that is let through by name. */
const FOR_OPERATORS = /^use_backend (?:.*\/(?:operator|open-payments)|worker .*\/metrics)\b/;

export function judgeRules(config: string): Finding[] {
  const lines = config.split("\n").map((line) => line.replace(/(^|\s)#.*/, "").trim());
  return [...RULES.map((rule) => judge(rule, lines)), judgeOperators(lines)];
}

function judge({ name, found, without, fix }: Rule, lines: readonly string[]): Finding {
  const title = `load balancer: ${name}`;
  return lines.some((line) => found.test(line))
    ? ok(title, "there")
    : warning(title, `no such rule: ${without}`, fix);
}

function judgeOperators(lines: readonly string[]): Finding {
  const name = "load balancer: operators' calls";
  const open = lines.find((line) => FOR_OPERATORS.test(line));
  if (open === undefined) return ok(name, "not let through");
  return wrong(
    name,
    `let through to everybody: ${open}`,
    "remove that line; ask the worker's port",
  );
}
