// The expressions of \set in a pgbench script: whole numbers, variables, + - * / %, parentheses, and
// random(lowest, highest). (Manual, pgbench, "Built-in Operators", of which this is a part.)

/** Gives a value; unknown variables are 0, as far as they are not refused before. */
export type Expression = (variables: ReadonlyMap<string, number>, random: () => number) => number;

/** Reads an expression; undefined when it is beyond the part that is understood here. */
export function parseExpression(text: string): Expression | undefined {
  const tokens = text.match(/\d+|:\w+|random|[-+*/%(),]|\S/g) ?? [];
  const reader = new Reader(tokens);
  const expression = reader.sum();
  return reader.isAtEnd ? expression : undefined;
}

class Reader {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#tokens.length;
  }

  sum(): Expression | undefined {
    return this.#chain(['+', '-'], () => this.#product());
  }

  #product(): Expression | undefined {
    return this.#chain(['*', '/', '%'], () => this.#atom());
  }

  #chain(
    operators: readonly string[],
    operand: () => Expression | undefined,
  ): Expression | undefined {
    let left = operand();
    while (left !== undefined && operators.includes(this.#tokens[this.#at] ?? '')) {
      const operator = this.#take();
      const right = operand();
      if (right === undefined) return undefined;
      left = applied(operator, left, right);
    }
    return left;
  }

  #atom(): Expression | undefined {
    const token = this.#take();
    if (/^\d+$/.test(token)) return () => Number(token);
    if (token.startsWith(':')) return (variables) => variables.get(token.slice(1)) ?? 0;
    if (token === '-') return negated(this.#atom());
    if (token === '(') return this.#closed(this.sum());
    if (token !== 'random' || this.#take() !== '(') return undefined;
    const lowest = this.sum();
    if (this.#take() !== ',') return undefined;
    const highest = this.#closed(this.sum());
    if (lowest === undefined || highest === undefined) return undefined;
    return (variables, random) => {
      const [from, to] = [lowest(variables, random), highest(variables, random)];
      return from + Math.floor(random() * (to - from + 1));
    };
  }

  #closed(inner: Expression | undefined): Expression | undefined {
    return this.#take() === ')' ? inner : undefined;
  }

  #take(): string {
    const token = this.#tokens[this.#at] ?? '';
    this.#at += 1;
    return token;
  }
}

function negated(inner: Expression | undefined): Expression | undefined {
  return inner === undefined ? undefined : (variables, random) => -inner(variables, random);
}

// Whole numbers, as in pgbench: division cuts off.
function applied(operator: string, left: Expression, right: Expression): Expression {
  return (variables, random) => {
    const [a, b] = [left(variables, random), right(variables, random)];
    switch (operator) {
      case '+':
        return a + b;
      case '-':
        return a - b;
      case '*':
        return a * b;
      case '/':
        return Math.trunc(a / b);
      default:
        return a % b;
    }
  };
}
