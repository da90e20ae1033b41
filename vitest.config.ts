import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** Imports `*.sql`, `*.sh` and `*.txt` as text, as esbuild does in the build. */
const textFiles = {
  name: 'text-files',
  transform(code: string, id: string): { code: string; map: null } | undefined {
    return /\.(sql|sh|txt)$/.test(id)
      ? { code: `export default ${JSON.stringify(code)};`, map: null }
      : undefined;
  },
};

const config: ViteUserConfig = defineConfig({
  plugins: [textFiles],
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'examples/**/*.test.ts'],
    globalSetup: ['test/servers.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});

export default config;
