// Every rule against its own examples, and every good example against every rule.

import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { check } from './check.ts';
import { exampleOf, given, known } from './examples.ts';
import { rules } from './rules.ts';

describe.each(rules.map((rule) => ({ id: rule.id, rule })))('$id', ({ rule }) => {
  it('finds its bad example', async () => {
    const bad = exampleOf(rule.id, 'bad');
    const report = await check([bad], { earlier: [given], schema: known(bad) });
    expect(report.findings.map((finding) => finding.rule)).toContain(rule.id);
  });

  it('and no other rule has anything against its good example', async () => {
    const good = exampleOf(rule.id, 'good');
    const report = await check([good], { earlier: [given], schema: known(good) });
    const complaints = report.findings.filter((finding) => finding.severity !== 'info');
    expect(complaints).toEqual([]);
    expect(report.findings.map((finding) => finding.rule)).not.toContain(rule.id);
  });

  it('has its page', () => {
    expect(existsSync(new URL(`../../docs/rules/${rule.id}.md`, import.meta.url))).toBe(true);
  });
});

describe('the list of rules', () => {
  it('holds every folder, once', () => {
    const folders = readdirSync(new URL('rules/', import.meta.url), { withFileTypes: true });
    const named = folders.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    expect(rules.map((rule) => rule.id).sort()).toEqual(named.sort());
  });

  it('covers every row of the list of hazards but the one on style', () => {
    const rows = new Set(rules.map((rule) => rule.hazard));
    const wanted = Array.from({ length: 74 }, (_, index) => index + 1);
    expect(wanted.filter((row) => !rows.has(row))).toEqual([]);
  });
});
