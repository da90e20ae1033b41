// Whether a lock_timeout of the file is in force where a statement stands: SET lasts until the session
// ends, SET LOCAL until the transaction does. (Manual, "SET")

import { constantText, pick, strings, walk } from '../sql/node.ts';
import { bodyOf, type Statement } from '../statement.ts';

/** Follows the lock_timeout of a file, statement by statement. */
export class LockTimeoutReader {
  readonly #everyStatementHasOne: boolean;
  #isInTransaction = false;
  #ofSession = false;
  #ofTransaction = false;

  /** Where Drydock runs the file, what is not between BEGIN and COMMIT is in a transaction too. */
  constructor({ runsInDrydock }: { readonly runsInDrydock: boolean }) {
    this.#everyStatementHasOne = runsInDrydock;
  }

  /** True when `statement`, the next one of the file, waits for its locks only so long. */
  isInForce(statement: Statement): boolean {
    const command = bodyOf(statement, 'TransactionStmt')?.kind;
    if (command !== undefined) {
      this.#isInTransaction = command === 'TRANS_STMT_BEGIN' || command === 'TRANS_STMT_START';
      this.#ofTransaction = false;
    }
    const set = settingIn(statement);
    if (set?.isLocal) {
      if (this.#isInTransaction || this.#everyStatementHasOne) this.#ofTransaction = set.isOn;
    } else if (set !== undefined) {
      this.#ofSession = set.isOn;
      this.#ofTransaction = false;
    }
    return this.#ofTransaction || this.#ofSession;
  }
}

interface Setting {
  readonly isLocal: boolean;
  readonly isOn: boolean;
}

function settingIn(statement: Statement): Setting | undefined {
  const set = bodyOf(statement, 'VariableSetStmt');
  if (set?.kind === 'VAR_RESET_ALL') return { isLocal: false, isOn: false };
  if (set?.name === 'lock_timeout') {
    const value = constantText(set.args?.[0]);
    return { isLocal: set.is_local === true, isOn: isDuration(value) };
  }
  if (bodyOf(statement, 'SelectStmt') === undefined) return undefined;
  let found: Setting | undefined;
  walk([statement.node], (kind, body) => {
    const call = kind === 'FuncCall' ? pick({ FuncCall: body }, 'FuncCall') : undefined;
    if (strings(call?.funcname).at(-1) !== 'set_config') return;
    const [name, value, isLocal] = (call?.args ?? []).map(constantText);
    if (name !== 'lock_timeout') return;
    found = { isLocal: isLocal === 'true', isOn: isDuration(value) };
  });
  return found;
}

function isDuration(value: string | undefined): boolean {
  return value !== undefined && !/^\s*0+\D*$/.test(value);
}
