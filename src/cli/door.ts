#!/usr/bin/env node
// The door to the command `drydock`. It answers at once what needs no more than a constant; everything
// else begins with compiled code of an earlier run, where Node can keep it (22.1 and newer).

import * as nodeModule from 'node:module';
import packageJson from '../../package.json' with { type: 'json' };

const [first, ...rest] = process.argv.slice(2);
if (rest.length === 0 && (first === '--version' || first === '-v')) {
  process.stdout.write(`${packageJson.version}\n`);
} else {
  (nodeModule as { enableCompileCache?: () => void }).enableCompileCache?.();
  await import('./main.ts');
}
