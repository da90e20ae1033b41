// Which rules are asked about a statement: those that say they know its kind.

import type { Rule } from './rule.ts';
import { pickAll } from './sql/node.ts';
import { bodyOf, type Statement } from './statement.ts';

export function rulesByKind(rules: readonly Rule[]): ReadonlyMap<string, readonly Rule[]> {
  const always = rules.filter((rule) => rule.check !== undefined && rule.on === undefined);
  const byKind = new Map<string, Rule[]>([['', always]]);
  for (const rule of rules) {
    for (const kind of rule.check === undefined ? [] : (rule.on ?? [])) {
      const list = byKind.get(kind) ?? [...always];
      list.push(rule);
      byKind.set(kind, list);
    }
  }
  return byKind;
}

export function mayConcern({ commands }: Rule, statement: Statement): boolean {
  if (commands === undefined) return true;
  return pickAll(bodyOf(statement, 'AlterTableStmt')?.cmds, 'AlterTableCmd').some(
    ({ subtype }) => subtype !== undefined && commands.includes(subtype),
  );
}
