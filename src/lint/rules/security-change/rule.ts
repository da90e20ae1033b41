import { firstWords } from '../../../migration/steps.ts';
import type { Rule } from '../../rule.ts';
import { option, pick, pickAll, rangeOf, shown, strings } from '../../sql/node.ts';
import { alterations, bodyOf } from '../../statement.ts';

export const securityChange: Rule = {
  id: 'security-change',
  hazard: 60,
  severity: 'info',
  concern: 'security',
  title: 'Row security, policies, grants, owners or SECURITY DEFINER change',
  why: 'They decide who may see and change what. Row security and policies take ACCESS EXCLUSIVE, briefly.',
  safeForm: 'Let a second person read it; with SECURITY DEFINER, set search_path in the function.',
  on: [
    'AlterTableStmt',
    'CreatePolicyStmt',
    'AlterPolicyStmt',
    'GrantStmt',
    'GrantRoleStmt',
    'CreateFunctionStmt',
    'AlterFunctionStmt',
    'AlterDefaultPrivilegesStmt',
    'AlterOwnerStmt',
    'DropStmt',
    'AlterRoleStmt',
    'CreateRoleStmt',
  ],
  commands: [
    'AT_ChangeOwner',
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
    const drop = bodyOf(statement, 'DropStmt');
    if (drop?.removeType === 'OBJECT_POLICY') {
      const table = rangeOf(strings(pick(drop.objects?.[0], 'List')?.items).slice(0, -1));
      if (!schema.isNew(table)) {
        yield {
          objects: [shown(table)],
          message: `Who sees which rows of ${shown(table)} changes here.`,
        };
      }
    }
    const policy = bodyOf(statement, 'CreatePolicyStmt') ?? bodyOf(statement, 'AlterPolicyStmt');
    if (policy !== undefined) {
      yield {
        objects: [shown(policy.table)],
        message: `Who sees which rows of ${shown(policy.table)} changes here.`,
      };
    }
    const grant =
      bodyOf(statement, 'GrantStmt') ??
      bodyOf(statement, 'GrantRoleStmt') ??
      bodyOf(statement, 'AlterDefaultPrivilegesStmt') ??
      bodyOf(statement, 'AlterOwnerStmt');
    const [owned] = alterations(statement, 'AT_ChangeOwner');
    if (grant !== undefined || (owned !== undefined && !schema.isNew(owned.table))) {
      yield { objects: [], message: `${firstWords(statement.text, 40)} changes who may do what.` };
    }
    const routine = bodyOf(statement, 'CreateFunctionStmt');
    const altered = bodyOf(statement, 'AlterFunctionStmt');
    const options = routine?.options ?? altered?.actions;
    const definer = option(options, 'security');
    if (definer !== undefined && definer !== true && pick(definer, 'Boolean')?.boolval === true) {
      const hasPath = pickAll(options, 'DefElem').some(
        (each) => pick(each.arg, 'VariableSetStmt')?.name === 'search_path',
      );
      yield {
        objects: [strings(routine?.funcname ?? altered?.func?.objname).join('.')],
        severity: hasPath ? 'info' : 'warning',
        message: hasPath
          ? 'This function runs with the rights of its owner.'
          : 'This function runs with the rights of its owner and the search_path of its caller, who can put other tables and functions in its way.',
      };
    }
  },
};
