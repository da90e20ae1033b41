// Writes docs/backup-manifest.schema.json from src/backup/manifest-schema.ts.

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { z } from 'zod';
import { importSource } from './import-source.mjs';

const { manifestFileSchema } = await importSource('src/backup/manifest-schema.ts');
const file = 'docs/backup-manifest.schema.json';
writeFileSync(file, JSON.stringify(z.toJSONSchema(manifestFileSchema), undefined, 2));
const { status } = spawnSync('npx', ['biome', 'format', '--write', file], { stdio: 'inherit' });
process.exitCode = status ?? 1;
