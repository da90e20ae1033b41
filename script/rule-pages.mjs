// Writes docs/rules/ from the rules and their examples: node script/rule-pages.mjs

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { importSource } from './import-source.mjs';

const { rulePages } = await importSource('src/lint/rule-page.ts');
rmSync('docs/rules', { recursive: true, force: true });
mkdirSync('docs/rules', { recursive: true });
for (const [name, text] of rulePages()) writeFileSync(`docs/rules/${name}`, text);
