// Which rules are asked about a statement: those that say they know its kind.

import type { Rule } from './rule.ts';
import { alterations, type Statement } from './statement.ts';

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
  return alterations(statement).some(({ kind }) => commands.includes(kind));
}
