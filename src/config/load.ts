// Finds the configuration and reads it: a file if there is one, else variables and defaults.

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseEnv } from 'node:util';
import { Failure, messageOf } from '../core/failure.ts';
import { Address } from '../postgres/address.ts';
import type { Config, Environment } from './environment.ts';
import { defineConfig, env } from './input.ts';

const fileNames = [
  'drydock.config.ts',
  'drydock.config.js',
  'drydock.config.mjs',
  'drydock.config.json',
] as const;

/** Where to look for the configuration. */
export interface LoadOptions {
  /** Folder in which the command was typed; parent folders are searched too. */
  readonly cwd: string;
  /** A file named by `--config`. */
  readonly file?: string | undefined;
  readonly variables: NodeJS.ProcessEnv;
}

/**
 * Reads the configuration. Precedence: environment variable, then `.env` beside the file, then the
 * file, then defaults. Without any file, `dev`, `staging` and `production` exist and take their
 * addresses from `DEV_DATABASE_URL`, `STAGING_DATABASE_URL` and `PRODUCTION_DATABASE_URL`.
 *
 * @throws `config/not-found`, `config/unreadable`, `config/invalid`
 */
export async function loadConfig(options: LoadOptions): Promise<Config> {
  const { parseConfig } = await import('./schema.ts');
  const file = findFile(options);
  const root = file === undefined ? resolve(options.cwd) : dirname(file);
  const variables = { ...dotEnv(root), ...options.variables };
  const input = file === undefined ? standardEnvironments(variables) : await readConfigFile(file);
  return parseConfig(input, { root, file, variables });
}

/**
 * The address of an environment's database.
 *
 * @throws `config/no-address` when its variable is not set
 */
export function addressOf(environment: Environment): Address {
  if (environment.address !== undefined) return environment.address;
  const variable = environment.addressVariable;
  throw new Failure({
    code: 'config/no-address',
    message: `there is no address for the database of ${environment.name}`,
    hint:
      variable === undefined
        ? `Give environments.${environment.name}.url in the configuration.`
        : `Set ${variable}, for example: export ${variable}=postgresql://user@host:5432/database`,
  });
}

/**
 * The address of the server on which copies are made; undefined where none is configured.
 *
 * @throws `config/no-address` when its variable is not set
 */
export function copyServerAddress({ sandbox }: Config): Address | undefined {
  if (sandbox.server === undefined) return undefined;
  const { address, variable = '' } = sandbox.server;
  if (address !== undefined) return address;
  throw new Failure({
    code: 'config/no-address',
    message: 'there is no address for the server on which copies are made',
    hint: `Set ${variable}, for example: export ${variable}=postgresql://user@host:5432/postgres`,
  });
}

/**
 * The environment of that name.
 *
 * @throws `config/unknown-environment`
 */
export function environmentNamed(config: Config, name: string): Environment {
  const environment = config.environments.find((candidate) => candidate.name === name);
  if (environment !== undefined) return environment;
  const names = config.environments.map((candidate) => candidate.name).join(', ');
  throw new Failure({
    code: 'config/unknown-environment',
    message: `there is no environment ${name}`,
    hint: `Choose one of ${names}, or add ${name} to ${config.file ?? 'drydock.config.ts'}.`,
  });
}

// DATABASE_URL and the PG* variables serve whichever environment is asked for: the marker in the
// database itself stops the wrong one.
function standardEnvironments(variables: NodeJS.ProcessEnv): unknown {
  const common = variables.DATABASE_URL ?? Address.fromPgVariables(variables)?.connectionString();
  const url = (name: string): unknown =>
    variables[name] === undefined && common !== undefined ? common : { env: name };
  return {
    environments: {
      dev: { url: url('DEV_DATABASE_URL') },
      staging: { url: url('STAGING_DATABASE_URL'), after: 'dev' },
      production: { url: url('PRODUCTION_DATABASE_URL'), after: 'staging' },
    },
  };
}

function findFile(options: LoadOptions): string | undefined {
  if (options.file !== undefined) {
    const named = resolve(options.cwd, options.file);
    if (existsSync(named)) return named;
    throw new Failure({
      code: 'config/not-found',
      message: `there is no configuration file ${options.file}`,
      hint: 'Correct the path after --config, or write a configuration with `drydock init`.',
    });
  }
  for (let folder = resolve(options.cwd); ; folder = dirname(folder)) {
    const found = fileNames.map((name) => join(folder, name)).find((path) => existsSync(path));
    if (found !== undefined) return found;
    if (folder === dirname(folder)) return undefined;
  }
}

async function readConfigFile(file: string): Promise<unknown> {
  try {
    if (file.endsWith('.json')) return JSON.parse(readFileSync(file, 'utf8'));
    if (!file.endsWith('.ts')) return defaultOf(await import(pathToFileURL(file).href));
    // Required: an import has Node.js read all of its code for names first, which takes a fifth of a command.
    const { createJiti }: typeof import('jiti') = createRequire(import.meta.url)('jiti');
    // What a configuration imports is there also where pg-drydock is not installed beside it (npx, a global
    // installation), and the rest of the library is not loaded.
    const library = { defineConfig, env };
    const jiti = createJiti(import.meta.url, { virtualModules: { 'pg-drydock': library } });
    return defaultOf(await jiti.import(file));
  } catch (error) {
    throw new Failure({
      code: 'config/unreadable',
      message: `cannot read ${file}: ${messageOf(error).split('\n')[0]}`,
      hint: `Correct ${file}, then type the same command again.`,
      cause: error,
    });
  }
}

function defaultOf(module: unknown): unknown {
  return module !== null && typeof module === 'object' && 'default' in module
    ? module.default
    : module;
}

function dotEnv(root: string): NodeJS.ProcessEnv {
  const path = join(root, '.env');
  return existsSync(path) ? parseEnv(readFileSync(path, 'utf8')) : {};
}
