// The library's public face.

export {
  type ConfigInput,
  defineConfig,
  type EnvironmentInput,
  type EnvReference,
  env,
} from './config/schema.ts';
export { type DatabaseState, Failure } from './core/failure.ts';
