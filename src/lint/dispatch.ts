// Which rules are asked about a statement: those that say they know its kind, and for an ALTER TABLE one
// of its commands.

import type { Rule } from './rule.ts';
import { pickAll } from './sql/node.ts';
import { bodyOf, type Statement } from './statement.ts';

/** Prepares the question "which rules may have something to say about this statement?". */
export function dispatcher(rules: readonly Rule[]): (statement: Statement) => readonly Rule[] {
  const checking = rules.filter((rule) => rule.check !== undefined);
  // There are few kinds and few mixtures of commands: each is decided once.
  const decided = new Map<string, readonly Rule[]>();
  return (statement) => {
    const kind = Object.keys(statement.node)[0] ?? '';
    const commands = commandsOf(statement);
    const key = commands.length === 0 ? kind : `${kind} ${commands.join()}`;
    const known = decided.get(key);
    if (known !== undefined) return known;
    const asked = checking.filter(
      (rule) =>
        (rule.on === undefined || rule.on.some((each) => each === kind)) &&
        (kind !== 'AlterTableStmt' ||
          rule.commands === undefined ||
          rule.commands.some((each) => commands.includes(each))),
    );
    decided.set(key, asked);
    return asked;
  };
}

function commandsOf(statement: Statement): string[] {
  const alter = bodyOf(statement, 'AlterTableStmt');
  if (alter === undefined) return [];
  return [...new Set(pickAll(alter.cmds, 'AlterTableCmd').map(({ subtype }) => subtype ?? ''))];
}
