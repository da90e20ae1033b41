import { defineConfig, env } from 'pg-drydock';
import { portOf } from './environments.ts';

const health = (environment: string): string =>
  `http://127.0.0.1:${portOf(environment)}/api/health/detailed`;

export default defineConfig({
  environments: {
    dev: {
      url: env('DEV_DATABASE_URL'),
      deploy: './scripts/release.sh dev',
      health: health('dev'),
    },
    staging: {
      url: env('STAGING_DATABASE_URL'),
      after: 'dev',
      deploy: './scripts/release.sh staging',
      health: health('staging'),
    },
    production: {
      url: env('PRODUCTION_DATABASE_URL'),
      after: 'staging',
      soak: '24h',
      window: { from: '02:00', to: '04:00', timeZone: 'America/New_York' },
      backups: { keep: '30d' },
      monitor: '24h',
      deploy: './scripts/release.sh production',
      health: health('production'),
    },
  },
});
