/** Walks a syntax tree, without what is there for the type checker alone. */

/** A node as the parser gives it (ESTree), with its place in the text. */
export type Node = {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
};
/** `within` is the class and the function that a node is in, `PaymentQueue.add`; `file` outside of any. */
type Found = { readonly node: Node; readonly within: string };

export function* nodesIn(
  node: Node,
  keys: Readonly<Record<string, readonly string[]>>,
  within = "",
): Generator<Found> {
  if (isForTypes(node)) return;
  yield { node, within: within === "" ? "file" : within };
  const inside = [within, nameOf(node)].filter((part) => part !== "").join(".");
  for (const key of keys[node.type] ?? []) {
    for (const child of [node[key]].flat() as (Node | null | undefined)[]) {
      if (child?.type !== undefined) yield* nodesIn(child, keys, inside);
    }
  }
}

function isForTypes({ type }: Node): boolean {
  return /^TS(?!(?:As|Satisfies|NonNull)Expression|.*Assertion)|^Import/.test(type);
}

const NAMED = /^(?:ClassDeclaration|FunctionDeclaration|MethodDefinition)$/;

function nameOf(node: Node): string {
  const { type, init } = node;
  const isFunction = (init as Node | null)?.type === "ArrowFunctionExpression";
  if (!NAMED.test(type) && !(type === "VariableDeclarator" && isFunction)) return "";
  const { name, type: kind } = (node["id"] ?? node["key"]) as Node;
  return `${kind === "PrivateIdentifier" ? "#" : ""}${name as string}`;
}
