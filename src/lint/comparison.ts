// What script/hazard-table.mjs needs of the linter, in one import.

export { check } from './check.ts';
export { exampleOf, given, known } from './examples.ts';
export { rules } from './rules.ts';
