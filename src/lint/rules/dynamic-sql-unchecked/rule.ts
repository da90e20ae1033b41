import type { Rule } from '../../rule.ts';

export const dynamicSqlUnchecked: Rule = {
  id: 'dynamic-sql-unchecked',
  hazard: null,
  severity: 'info',
  concern: 'unchecked',
  title: 'SQL that is put together at run time',
  why: 'EXECUTE of a text that is made at run time, or a body in another language, cannot be checked: what it does is not known.',
  safeForm:
    'Write the statement as it is, or EXECUTE a constant text; rehearse what cannot be written so.',
};
