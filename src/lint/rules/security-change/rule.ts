import { firstWords } from '../../../migration/steps.ts';
import type { Rule } from '../../rule.ts';
import { option, pick, pickAll, shown, strings } from '../../sql/node.ts';
import { alterations, bodyOf } from '../../statement.ts';

export const securityChange: Rule = {
  id: 'security-change',
  hazard: 60,
  severity: 'info',
  concern: 'security',
  title: 'Row security, policies, grants or SECURITY DEFINER change',
  why: 'They decide who may see and change what. Row security and policies take ACCESS EXCLUSIVE, briefly.',
  safeForm: 'Let a second person read it; with SECURITY DEFINER, set search_path in the function.',
  on: [
    'AlterTableStmt',
    'CreatePolicyStmt',
    'AlterPolicyStmt',
    'GrantStmt',
    'GrantRoleStmt',
    'CreateFunctionStmt',
    'AlterRoleStmt',
    'CreateRoleStmt',
  ],
  commands: [
    'AT_DisableRowSecurity',
    'AT_EnableRowSecurity',
    'AT_ForceRowSecurity',
    'AT_NoForceRowSecurity',
  ],
  *check(statement, { schema }) {
    const switches = [
      'AT_EnableRowSecurity',
      'AT_DisableRowSecurity',
      'AT_ForceRowSecurity',
      'AT_NoForceRowSecurity',
    ] as const;
    for (const { kind, table, start, end } of alterations(statement, ...switches)) {
      if (schema.isNew(table)) continue;
      const on = kind === 'AT_EnableRowSecurity';
      yield {
        start,
        end,
        objects: [shown(table)],
        message: on
          ? `Without a policy nobody but the owner sees a row of ${shown(table)} from here on.`
          : `Who sees which rows of ${shown(table)} changes here.`,
      };
    }
    const policy = bodyOf(statement, 'CreatePolicyStmt') ?? bodyOf(statement, 'AlterPolicyStmt');
    if (policy !== undefined) {
      yield {
        objects: [shown(policy.table)],
        message: `Who sees which rows of ${shown(policy.table)} changes here.`,
      };
    }
    const grant = bodyOf(statement, 'GrantStmt') ?? bodyOf(statement, 'GrantRoleStmt');
    if (grant !== undefined) {
      yield { objects: [], message: `${firstWords(statement.text, 40)} changes who may do what.` };
    }
    const routine = bodyOf(statement, 'CreateFunctionStmt');
    const definer = option(routine?.options, 'security');
    if (definer !== undefined && definer !== true && pick(definer, 'Boolean')?.boolval === true) {
      const hasPath = pickAll(routine?.options, 'DefElem').some(
        (each) => pick(each.arg, 'VariableSetStmt')?.name === 'search_path',
      );
      yield {
        objects: [strings(routine?.funcname).join('.')],
        severity: hasPath ? 'info' : 'warning',
        message: hasPath
          ? 'This function runs with the rights of its owner.'
          : 'This function runs with the rights of its owner and the search_path of its caller, who can put other tables and functions in its way.',
      };
    }
  },
};
