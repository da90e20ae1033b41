// Makes the published JSON schemas of what `--json` prints from the types in src/cli/documents.ts.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const source = 'src/cli/documents.ts';

/** Writes a schema for each command into `folder`: `apply.json`, `schema-snapshot.json`. */
export function writeSchemas(folder) {
  const { config } = ts.readConfigFile('tsconfig.json', (path) => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [source] }, ts.sys, '.');
  const program = ts.createProgram([source, 'src/text-files.d.ts'], options);
  const checker = program.getTypeChecker();
  const file = program.getSourceFile(source);
  const exported = new Map(
    checker.getExportsOfModule(checker.getSymbolAtLocation(file)).map((each) => [each.name, each]),
  );
  const typeNamed = (name) => checker.getDeclaredTypeOfSymbol(exported.get(name));
  mkdirSync(folder, { recursive: true });
  for (const property of checker.getPropertiesOfType(typeNamed('Documents'))) {
    const schemas = new Schemas(checker);
    const document = {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      title: `drydock ${property.name} --json`,
      type: 'object',
      properties: {
        command: { const: property.name },
        ok: { type: 'boolean' },
        exit: { type: 'integer' },
        data: orNull(schemas.of(checker.getTypeOfSymbol(property))),
        failure: orNull(schemas.of(typeNamed('FailureDocument'))),
      },
      required: ['command', 'ok', 'exit', 'data', 'failure'],
      additionalProperties: false,
      $defs: schemas.definitions,
    };
    const name = property.name.replace(' ', '-');
    writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(document, null, 2)}\n`);
  }
}

const orNull = (schema) => ({ anyOf: [schema, { type: 'null' }] });

/** Turns types into schemas. An interface with a name becomes a definition, written once. */
class Schemas {
  definitions = {};
  #named = new Map();
  #checker;

  constructor(checker) {
    this.#checker = checker;
  }

  of(type) {
    if (type.flags & (ts.TypeFlags.Unknown | ts.TypeFlags.Any)) return {};
    if (type.flags & ts.TypeFlags.Null) return { type: 'null' };
    if (type.isStringLiteral() || type.isNumberLiteral()) return { const: type.value };
    if (type.flags & ts.TypeFlags.BooleanLiteral) return { const: type.intrinsicName === 'true' };
    if (type.flags & ts.TypeFlags.String) return { type: 'string' };
    if (type.flags & ts.TypeFlags.Number) return { type: 'number' };
    if (type.flags & ts.TypeFlags.Boolean) return { type: 'boolean' };
    if (type.isUnion()) return this.#union(type.types);
    if (this.#checker.isArrayType(type)) {
      return { type: 'array', items: this.of(this.#checker.getTypeArguments(type)[0]) };
    }
    if (type.symbol?.name === 'Date') return { type: 'string', format: 'date-time' };
    return this.#object(type);
  }

  #union(types) {
    // What is undefined is not in the document at all.
    const kept = types.filter((type) => !(type.flags & ts.TypeFlags.Undefined));
    if (kept.every((type) => type.isStringLiteral()))
      return { enum: kept.map(({ value }) => value) };
    const isBoolean = (type) => type.flags & ts.TypeFlags.BooleanLiteral;
    const others = kept.filter((type) => !isBoolean(type)).map((type) => this.of(type));
    const booleans = kept.filter(isBoolean);
    if (booleans.length === 2) others.push({ type: 'boolean' });
    else others.push(...booleans.map((type) => this.of(type)));
    return others.length === 1 ? others[0] : { anyOf: others };
  }

  #object(type) {
    const isPlain = type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection);
    if (
      !isPlain ||
      type.getCallSignatures().length > 0 ||
      type.symbol?.flags & ts.SymbolFlags.Class
    ) {
      throw new Error(`JSON has no ${this.#checker.typeToString(type)}`);
    }
    const name = type.isClassOrInterface() ? type.symbol.name : undefined;
    if (name === undefined) return this.#properties(type);
    const reference = { $ref: `#/$defs/${name}` };
    if (this.#named.get(name) === type) return reference;
    if (this.#named.has(name)) throw new Error(`two types are called ${name}`);
    this.#named.set(name, type);
    // Reserved before it is filled: a type may hold itself.
    this.definitions[name] = {};
    Object.assign(
      this.definitions[name],
      describe(type.symbol, this.#checker),
      this.#properties(type),
    );
    return reference;
  }

  #properties(type) {
    const properties = {};
    const required = [];
    for (const symbol of this.#checker.getPropertiesOfType(type)) {
      const own = this.#checker.getTypeOfSymbol(symbol);
      properties[symbol.name] = { ...describe(symbol, this.#checker), ...this.of(own) };
      const mayMiss =
        symbol.flags & ts.SymbolFlags.Optional ||
        (own.isUnion() && own.types.some(({ flags }) => flags & ts.TypeFlags.Undefined));
      if (!mayMiss) required.push(symbol.name);
    }
    const rest = this.#checker.getIndexInfoOfType(type, ts.IndexKind.String);
    return {
      type: 'object',
      properties,
      required,
      additionalProperties: rest === undefined ? false : this.of(rest.type),
    };
  }
}

function describe(symbol, checker) {
  const text = ts.displayPartsToString(symbol.getDocumentationComment(checker));
  return text === '' ? {} : { description: text.replaceAll('\n', ' ') };
}
