// Where each environment lives on this machine: its database and its port, from variables or .env.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const dotEnv = fileURLToPath(new URL('.env', import.meta.url));
if (existsSync(dotEnv)) process.loadEnvFile(dotEnv);

const defaultPorts: Record<string, number> = { dev: 3000, staging: 3001, production: 3002 };

/** The port of an environment: `PRODUCTION_PORT`, or its default. */
export function portOf(environment: string): number {
  const port = Number(
    process.env[`${environment.toUpperCase()}_PORT`] || defaultPorts[environment],
  );
  if (!Number.isInteger(port)) throw new Error(`set ${environment.toUpperCase()}_PORT to a number`);
  return port;
}

/** The database of an environment: `PRODUCTION_DATABASE_URL`. */
export function databaseUrlOf(environment: string): string {
  const variable = `${environment.toUpperCase()}_DATABASE_URL`;
  const url = process.env[variable];
  if (!url) throw new Error(`set ${variable}, for example in .env (see .env.example)`);
  return url;
}
