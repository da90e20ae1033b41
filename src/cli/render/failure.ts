// A failure as people read it: the state of the database first, then what, then what to type.

import { styleText } from 'node:util';
import { Failure, messageOf, stateSentence } from '../../core/failure.ts';
import type { FailureDocument } from '../documents.ts';
import { excerptOfStatement } from './excerpt.ts';
import { wrap } from './text.ts';

/** The text of anything thrown. What is no {@link Failure} is a bug and says so, with its trace. */
export function renderFailure(error: unknown, stream: NodeJS.WriteStream): string {
  const style = styler(stream);
  if (!(error instanceof Failure)) return renderBug(error, style);
  const { details } = error;
  const lines = [
    `${style('red', '✗')} ${style('bold', stateSentence(error))}`,
    ...wrap(sentence(error.message), 76).map((line) => `  ${line}`),
  ];
  const excerpt =
    typeof details.excerpt === 'string' ? details.excerpt : excerptOfStatement(details);
  if (excerpt !== undefined) lines.push(...excerpt.split('\n').map((line) => `    ${line}`));
  for (const name of ['detail', 'where'] as const) {
    const said = details[name];
    if (typeof said === 'string')
      lines.push(...wrap(`${name}: ${said}`, 76).map((line) => `  ${line}`));
  }
  for (const second of error.alsoFailed) {
    lines.push(
      ...wrap(`Besides, a clean-up failed: ${messageOf(second)}`, 76).map((line) => `  ${line}`),
    );
  }
  lines.push(
    ...hintLines(error.hint).map(
      (line, index) => `${index === 0 ? style('cyan', '→') : ' '} ${line}`,
    ),
  );
  lines.push(style('dim', `  ${error.code}`));
  return lines.join('\n');
}

// A command to type stays on one line, whole, so that it can be copied.
function hintLines(hint: string): string[] {
  const cut = hint.lastIndexOf(': ');
  if (hint.length <= 77 || cut < 0) return wrap(hint, 77);
  return [...wrap(hint.slice(0, cut + 1), 77), hint.slice(cut + 2)];
}

/** The failure as `--json` gives it. */
export function failureDocument(error: unknown): FailureDocument {
  if (!(error instanceof Failure)) {
    return {
      code: 'bug',
      state: stateSentence({ databaseState: 'unknown', stateDetail: undefined }),
      message: messageOf(error),
      hint: null,
      databaseState: 'unknown',
      details: {},
    };
  }
  const { code, message, hint, databaseState, details } = error;
  return { code, state: stateSentence(error), message, hint, databaseState, details };
}

type Style = (format: 'red' | 'bold' | 'cyan' | 'dim', text: string) => string;

/** Colours for a stream that can show them; obeys NO_COLOR and FORCE_COLOR. */
export function styler(stream: NodeJS.WriteStream): Style {
  return (format, text) => styleText(format, text, { stream });
}

function renderBug(error: unknown, style: Style): string {
  return [
    `${style('red', '✗')} ${style('bold', 'The state of the database is not known.')}`,
    '  This is a bug in Drydock. See where things stand with: drydock status',
    error instanceof Error ? (error.stack ?? error.message) : String(error),
  ].join('\n');
}

function sentence(message: string): string {
  // The name of a program or a file stays as it is typed.
  if (!/^[a-z]+( |$)/.test(message)) return message;
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}`;
}
