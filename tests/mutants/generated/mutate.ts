/**
 * Makes mutants of a source: one small change each, at one place of its syntax tree. The changes are the
 * field's usual ones (operators, conditions, constants, statements that are gone) and two of durability:
 * two writes or waits in the other order, and one that nobody waits for.
 *
 * A change that only a person would notice (the log's words) or that the type checker refuses in any case
 * is not made.
 */
import { parseSync, visitorKeys } from "oxc-parser";
import type { Edited } from "../../../simulation/planted/edits.ts";
import { nodesIn, type Node } from "./syntax.ts";

export type Generated = Edited & {
  readonly file: string;
  /** Place and change, and no line's number: `worker/queue.ts PaymentQueue.add: a < b → a <= b`. */
  readonly name: string;
};

/** Text of a part of the source, and what it becomes. */
type Change = { readonly at: Span; readonly becomes: string };
type Span = { readonly start: number; readonly end: number };
type Place = { readonly file: string; readonly text: string };

/** A number above this is a measure (ms, bytes), and one more of it the same measure: only 0 is another. */
const COUNT_MAX = 64;
const SHOWN_MAX = 160;

const OTHER_OPERATOR: Readonly<Record<string, string>> = {
  "+": "-",
  "-": "+",
  "*": "/",
  "/": "*",
  "%": "*",
  "<": "<=",
  "<=": "<",
  ">": ">=",
  ">=": ">",
  "===": "!==",
  "!==": "===",
  "&&": "||",
  "||": "&&",
  "+=": "-=",
  "-=": "+=",
  "++": "--",
  "--": "++",
};

export function mutantsOf(file: string, text: string): Generated[] {
  const { program, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);
  const names = new Map<string, number>();
  return Array.from(nodesIn(program as unknown as Node, visitorKeys), ({ node, within }) =>
    changesOf(node, text, within).map((change) => ({ change, within })),
  )
    .flat()
    .map(({ change, within }) => {
      const name = nameOf({ file, text }, change, within);
      const times = (names.get(name) ?? 0) + 1;
      names.set(name, times);
      const edits = [editOf({ file, text }, change)];
      return { file, name: times === 1 ? name : `${name} (${times})`, edits };
    });
}

function changesOf(node: Node, text: string, within: string): Change[] {
  switch (node.type) {
    case "BinaryExpression":
      return node["operator"] === "+" && [node["left"], node["right"]].some(isText)
        ? []
        : operatorOf(node, text, node["left"] as Node, node["right"] as Node);
    case "LogicalExpression":
      return operatorOf(node, text, node["left"] as Node, node["right"] as Node);
    case "AssignmentExpression":
      return isText(node["right"])
        ? []
        : operatorOf(node, text, node["left"] as Node, node["right"] as Node);
    case "UpdateExpression":
      return [
        becoming(
          node,
          textOf(node, text).replace(/\+\+|--/, (one) => other(one)),
        ),
      ];
    case "UnaryExpression":
      return node["operator"] === "!" ? [becoming(node, textOf(argumentOf(node), text))] : [];
    case "IfStatement":
    case "ConditionalExpression":
      return ["true", "false"].map((constant) => becoming(node["test"] as Node, constant));
    case "WhileStatement":
      return [becoming(node["test"] as Node, "false")];
    case "Literal":
      return typeof node["value"] === "number" ? numbersOf(node, node["value"]) : [];
    case "CallExpression":
      return extremeOf(node, text);
    case "ThrowStatement":
    case "ContinueStatement":
      return [becoming(node, ";")];
    case "ExpressionStatement":
      return isOfTheLog(node, text) ? [] : [becoming(node, ";"), ...unawaitedOf(node, text)];
    case "BlockStatement":
    case "FunctionBody":
      return within.endsWith("constructor") ? [] : swapsOf(node["body"] as Node[], text);
    default:
      return [];
  }
}

/** The operator stands between both sides, with blanks, and brackets of either. */
function operatorOf(node: Node, text: string, left: Node, right: Node): Change[] {
  const operator = node["operator"] as string;
  if (!Object.hasOwn(OTHER_OPERATOR, operator)) return [];
  const between = text.slice(left.end, right.start);
  const becomes = between.replace(operator, () => other(operator));
  const whole = text.slice(node.start, left.end) + becomes + text.slice(right.start, node.end);
  return between.includes("//") ? [] : [becoming(node, whole)];
}

function numbersOf(node: Node, value: number): Change[] {
  const others = new Set(value <= COUNT_MAX ? [value + 1, Math.max(0, value - 1), 0] : [0]);
  others.delete(value);
  return Array.from(others, (one) => becoming(node, String(one)));
}

function extremeOf(node: Node, text: string): Change[] {
  const callee = textOf(node["callee"] as Node, text);
  const becomes = { "Math.min": "Math.max", "Math.max": "Math.min" }[callee];
  return becomes === undefined
    ? []
    : [
        becoming(
          node,
          textOf(node, text).replace(callee, () => becomes),
        ),
      ];
}

function unawaitedOf(node: Node, text: string): Change[] {
  const expression = node["expression"] as Node;
  if (expression.type !== "AwaitExpression") return [];
  return [becoming(node, `void ${textOf(argumentOf(expression), text)};`)];
}

/** Two statements in a row that do something, of which one calls, in the other order. */
function swapsOf(statements: readonly Node[], text: string): Change[] {
  return statements.slice(1).flatMap((second, i) => {
    const first = statements[i] as Node;
    const [one, two] = [textOf(first, text), textOf(second, text)];
    if (![first, second].every((node) => acts(node, text))) return [];
    if (!`${one}${two}`.includes("(") || [first, second].some((node) => isOfTheLog(node, text)))
      return [];
    if (declaredBy(first).some((name) => new RegExp(`\\b${RegExp.escape(name)}\\b`).test(two)))
      return [];
    const between = text.slice(first.end, second.start);
    return [{ at: { start: first.start, end: second.end }, becomes: two + between + one }];
  });
}

function acts(node: Node, text: string): boolean {
  if (node.type === "ExpressionStatement") return true;
  return node.type === "VariableDeclaration" && textOf(node, text).includes("await ");
}

function declaredBy(node: Node): string[] {
  if (node.type !== "VariableDeclaration") return [];
  const ids = (node["declarations"] as Node[]).map(({ id }) => id as Node);
  return ids.flatMap((id) =>
    Array.from(nodesIn(id, visitorKeys), ({ node: { type, name } }) =>
      type === "Identifier" ? [name as string] : [],
    ).flat(),
  );
}

function isOfTheLog(node: Node, text: string): boolean {
  return /^(?:void )?(?:this\.)?[\w#.]*\b[lL]og\??\.(?:\w+)\(/.test(textOf(node, text));
}

function isText(node: unknown): boolean {
  const { type, value } = node as Node;
  return type === "TemplateLiteral" || (type === "Literal" && typeof value === "string");
}

function argumentOf(node: Node): Node {
  return node["argument"] as Node;
}
function textOf({ start, end }: Span, text: string): string {
  return text.slice(start, end);
}
function other(operator: string): string {
  return OTHER_OPERATOR[operator] as string;
}
function becoming({ start, end }: Span, becomes: string): Change {
  return { at: { start, end }, becomes };
}

function nameOf({ file, text }: Place, { at, becomes }: Change, within: string): string {
  const shown = (words: string) => {
    const one = words.replaceAll(/\s+/g, " ");
    return one.length > SHOWN_MAX ? `${one.slice(0, SHOWN_MAX)}…` : one;
  };
  const isBare = /^[\d_().]*$/.test(textOf(at, text));
  const line = isBare ? ` in \`${shown(lineAround(at, text).trim())}\`` : "";
  return `${file} ${within}: ${shown(textOf(at, text))} → ${becomes === ";" ? "nothing" : shown(becomes)}${line}`;
}

function lineAround({ start, end }: Span, text: string): string {
  const next = text.indexOf("\n", end);
  return text.slice(text.lastIndexOf("\n", start - 1) + 1, next === -1 ? text.length : next);
}

/** The change with as many lines around it as make its text the only one in the file. */
function editOf({ file, text }: Place, { at, becomes }: Change) {
  let { start, end } = at;
  while (text.split(text.slice(start, end)).length !== 2) {
    start = text.lastIndexOf("\n", Math.max(0, start - 2)) + 1;
    const next = text.indexOf("\n", end + 1);
    end = next === -1 ? text.length : next;
  }
  const replace = text.slice(start, at.start) + becomes + text.slice(at.end, end);
  return { file, find: text.slice(start, end), replace };
}
