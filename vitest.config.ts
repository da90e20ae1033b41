import { readFileSync } from 'node:fs';
import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { closingLine } from './test/closing-line.ts';

/** Imports `*.sql`, `*.sh` and `*.txt` as text, as esbuild does in the build. */
const textFiles = {
  name: 'text-files',
  // Before vite's own loaders, which make addresses of text files.
  enforce: 'pre' as const,
  load(id: string): string | undefined {
    return /\.(sql|sh|txt)$/.test(id)
      ? `export default ${JSON.stringify(readFileSync(id, 'utf8'))};`
      : undefined;
  },
};

const config: ViteUserConfig = defineConfig({
  plugins: [textFiles],
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'examples/**/*.test.ts'],
    reporters: ['default', closingLine],
    globalSetup: ['test/servers.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});

export default config;
