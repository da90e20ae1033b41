// The documentation page of a rule, made from the rule and its two examples.

import { exampleOf } from './examples.ts';
import type { Rule } from './rule.ts';
import { rules } from './rules.ts';

/** Every page below `docs/rules/`, by file name. */
export function rulePages(): ReadonlyMap<string, string> {
  const pages = rules.map((rule): [string, string] => [`${rule.id}.md`, page(rule)]);
  return new Map([...pages, ['README.md', index()]]);
}

function page(rule: Rule): string {
  const [bad, good] = [exampleOf(rule.id, 'bad'), exampleOf(rule.id, 'good')];
  const row = rule.hazard === null ? 'the runbook' : `row ${rule.hazard} of the list of hazards`;
  return [
    `# ${rule.id}`,
    `**${rule.title}** · ${rule.severity} · about ${rule.concern} · ${row}`,
    rule.why,
    '## What it finds',
    `\`\`\`sql\n${bad.sql.trim()}\n\`\`\``,
    bad.fails === undefined ? undefined : `The server refuses it with SQLSTATE ${bad.fails}.`,
    '## What to write instead',
    rule.safeForm,
    `\`\`\`sql\n${good.sql.trim()}\n\`\`\``,
    '## To allow it',
    'Where it is meant, say why, right before the statement:',
    `\`\`\`sql\n-- drydock: allow ${rule.id} because …\n\`\`\``,
    'Both examples start from [this schema](../../src/lint/rules/given.sql), and are run on a real server by the tests.',
    '',
  ]
    .filter((part) => part !== undefined)
    .join('\n\n')
    .trimEnd()
    .concat('\n');
}

function index(): string {
  const rows = rules.map(
    (rule) =>
      `| [${rule.id}](${rule.id}.md) | ${rule.hazard ?? ''} | ${rule.severity} | ${rule.concern} | ${rule.title} |`,
  );
  return [
    '# The rules of `drydock check`',
    'Each finds one hazard. `error`: data is lost, readers wait for long, or something is sure to break. `warning`: writers wait, or care is needed. `info`: good to know, nothing to change. A severity goes up or down with the size and traffic of the table, where they are known.',
    '| rule | hazard | severity | about | what |\n|--|--|--|--|--|',
  ]
    .join('\n\n')
    .concat(`\n${rows.join('\n')}\n`);
}
