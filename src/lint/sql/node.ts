// Reading the parser's trees without repeating their shape in every rule.

import type { Node as PgNode, RangeVar } from '@pgsql/types';

export type { Node } from '@pgsql/types';

type Node = PgNode;

/** Name of a kind of node, such as `AlterTableStmt`. */
export type NodeKind = Node extends infer Each
  ? Each extends unknown
    ? keyof Each
    : never
  : never;

/** The body of a kind of node. */
export type NodeBody<Kind extends NodeKind> = Extract<Node, Record<Kind, unknown>>[Kind];

/** The body of `node` when it is of `kind`. */
export function pick<Kind extends NodeKind>(
  node: Node | undefined,
  kind: Kind,
): NodeBody<Kind> | undefined {
  return node === undefined
    ? undefined
    : (node as unknown as Partial<Record<Kind, NodeBody<Kind>>>)[kind];
}

/** The bodies of all nodes of a list that are of `kind`. */
export function pickAll<Kind extends NodeKind>(
  nodes: readonly Node[] | undefined,
  kind: Kind,
): NodeBody<Kind>[] {
  // The busiest function of a check: a loop costs a third of flatMap.
  const bodies: NodeBody<Kind>[] = [];
  for (const node of nodes ?? []) {
    const body = pick(node, kind);
    if (body !== undefined) bodies.push(body);
  }
  return bodies;
}

/** The texts of a list of `String` nodes: a qualified name, or column names. */
export function strings(nodes: readonly Node[] | undefined): string[] {
  return pickAll(nodes, 'String').map((each) => each.sval ?? '');
}

/** A table's name as the parser gives it, from a list of its parts. */
export function rangeOf(parts: readonly string[]): RangeVar {
  const [name, schema] = [...parts].reverse();
  return { relname: name ?? '', ...(schema === undefined ? {} : { schemaname: schema }) };
}

/** A name for people: quoted where SQL wants quotes, with the schema where one was written. */
export function shown(name: Pick<RangeVar, 'schemaname' | 'relname'> | undefined): string {
  if (name?.relname === undefined) return '';
  const parts = name.schemaname ? [name.schemaname, name.relname] : [name.relname];
  return parts.map(quoted).join('.');
}

/** An identifier as it has to be written. */
export function quoted(identifier: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(identifier)
    ? identifier
    : `"${identifier.replaceAll('"', '""')}"`;
}

/** Calls `visit` for every node inside `value`, outermost first. */
export function walk(value: unknown, visit: (kind: string, body: object) => void): void {
  if (Array.isArray(value)) {
    for (const each of value) walk(each, visit);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const record = value as Record<string, unknown>;
  for (const key in record) {
    const inner = record[key];
    if (typeof inner !== 'object' || inner === null) continue;
    // Kinds of node begin with a capital letter, fields of a node with a small one.
    const first = key.charCodeAt(0);
    if (first >= 65 && first <= 90 && !Array.isArray(inner)) visit(key, inner);
    walk(inner, visit);
  }
}

/** True when some node inside `value` is of a kind and fits. */
export function contains<Kind extends NodeKind>(
  value: unknown,
  kind: Kind,
  fits: (body: NodeBody<Kind>) => boolean = () => true,
): boolean {
  let found = false;
  walk(value, (each, body) => {
    found ||= each === kind && fits(body as NodeBody<Kind>);
  });
  return found;
}

/** The option of a `WITH (…)`-like list, by name. */
export function option(nodes: readonly Node[] | undefined, name: string): Node | true | undefined {
  const found = pickAll(nodes, 'DefElem').find((each) => each.defname?.toLowerCase() === name);
  return found === undefined ? undefined : (found.arg ?? true);
}

/** True when an option stands in the list and is not switched off, as by `FULL false`. (defGetBoolean) */
export function isOn(nodes: readonly Node[] | undefined, name: string): boolean {
  const given = option(nodes, name);
  if (given === undefined || given === true) return given === true;
  return !/^(false|off|0)$/i.test(
    constantText(given) ??
      String(pick(given, 'Boolean')?.boolval ?? pick(given, 'Integer')?.ival ?? ''),
  );
}

/** The value of a constant as text; undefined when the node is no constant. */
export function constantText(node: Node | undefined): string | undefined {
  const constant = pick(node, 'A_Const');
  if (constant === undefined) return pick(node, 'String')?.sval;
  if (constant.sval !== undefined) return constant.sval.sval ?? '';
  if (constant.fval !== undefined) return constant.fval.fval ?? '';
  if (constant.ival !== undefined) return String(constant.ival.ival ?? 0);
  return constant.boolval === undefined ? undefined : String(constant.boolval.boolval ?? false);
}
