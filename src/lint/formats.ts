// The report for other programs: SARIF 2.1.0, GitHub's workflow commands, GitLab's code quality JSON,
// and a Markdown table for a pull request.

import { createHash } from 'node:crypto';
import type { CheckReport, Finding } from './finding.ts';
import { rules } from './rules.ts';

/** The formats by the name that `--format` takes. */
export const formats: Readonly<
  Record<'sarif' | 'github' | 'gitlab' | 'markdown', (report: CheckReport) => string>
> = { sarif, github, gitlab, markdown };

const sarifLevels = { error: 'error', warning: 'warning', info: 'note' } as const;

function sarif(report: CheckReport): string {
  const allowed = report.allowed.map(({ finding }) => finding);
  const all = [...report.findings, ...allowed];
  const used = rules.filter((rule) => all.some((each) => each.rule === rule.id));
  const prints = fingerprints(all);
  const document = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        columnKind: 'unicodeCodePoints',
        tool: {
          driver: {
            name: 'drydock',
            rules: used.map((rule) => ({
              id: rule.id,
              shortDescription: { text: rule.title },
              fullDescription: { text: rule.why },
              help: { text: rule.safeForm },
              defaultConfiguration: { level: sarifLevels[rule.severity] },
              properties: { tags: [rule.concern] },
            })),
          },
        },
        results: all.map((finding, index) => ({
          ruleId: finding.rule,
          ruleIndex: used.findIndex((rule) => rule.id === finding.rule),
          level: sarifLevels[finding.severity],
          message: { text: `${finding.message} ${finding.safeForm}` },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: encodeURI(finding.file.replaceAll('\\', '/')) },
                region: {
                  startLine: finding.line,
                  startColumn: finding.column,
                  endLine: finding.endLine,
                  endColumn: finding.endColumn,
                },
              },
            },
          ],
          partialFingerprints: { 'drydock/v1': prints[index] },
          ...(index < report.findings.length
            ? {}
            : {
                suppressions: [
                  {
                    kind: 'inSource',
                    justification: report.allowed[index - report.findings.length]?.reason,
                  },
                ],
              }),
        })),
      },
    ],
  };
  return JSON.stringify(document, null, 2);
}

const githubCommands = { error: 'error', warning: 'warning', info: 'notice' } as const;

// https://docs.github.com/actions/reference/workflow-commands-for-github-actions
function github(report: CheckReport): string {
  const encoded = (text: string): string =>
    text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  const property = (text: string): string =>
    encoded(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
  return report.findings
    .map((finding) => {
      const place = `file=${property(finding.file)},line=${finding.line},endLine=${finding.endLine},col=${finding.column},title=${property(finding.rule)}`;
      return `::${githubCommands[finding.severity]} ${place}::${encoded(`${finding.message} ${finding.safeForm}`)}`;
    })
    .join('\n');
}

const gitlabSeverities = { error: 'critical', warning: 'major', info: 'info' } as const;

function gitlab(report: CheckReport): string {
  const prints = fingerprints(report.findings);
  const issues = report.findings.map((finding, index) => ({
    description: `${finding.message} ${finding.safeForm}`,
    check_name: finding.rule,
    fingerprint: prints[index],
    severity: gitlabSeverities[finding.severity],
    location: {
      path: finding.file,
      lines: { begin: finding.line, end: finding.endLine },
    },
  }));
  return JSON.stringify(issues, null, 2);
}

function markdown(report: CheckReport): string {
  if (report.findings.length === 0) return 'No hazards found.';
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  const rows = report.findings.map((finding) => {
    const lock = finding.lock === null ? '' : `${finding.lock} (blocks ${finding.blocks})`;
    const cells = [
      finding.severity,
      `\`${finding.file}:${finding.line}\``,
      `\`${finding.rule}\``,
      finding.message,
      lock,
      finding.safeForm,
    ];
    return `| ${cells.map(cell).join(' | ')} |`;
  });
  return [
    '| | where | rule | what happens | lock | instead |',
    '|--|--|--|--|--|--|',
    ...rows,
  ].join('\n');
}

// The same finding after lines were added above it: rule, file and statement, not the place. Of several
// equal ones each has its number, for who reads them keeps one of each.
function fingerprints(findings: readonly Finding[]): string[] {
  const seen = new Map<string, number>();
  return findings.map(({ rule, file, statement, message }) => {
    const what = JSON.stringify([rule, file, statement, message]);
    const number = (seen.get(what) ?? 0) + 1;
    seen.set(what, number);
    return createHash('sha256')
      .update(number === 1 ? what : `${what} ${number}`)
      .digest('hex');
  });
}
