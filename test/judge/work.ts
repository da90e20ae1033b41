// What one writer wants to do next. Every writer owns its rows, so its own order is the order of all
// that happens to them; and no value is ever written twice, so none can hide another.

import type { Effect } from './ledger.ts';
import type { Row } from './picture.ts';

/** Draws the effects of transactions; the same number draws the same. */
export class Work {
  readonly #writer: number;
  readonly #writers: number;
  readonly #customers: string[] = [];
  readonly #events: { day: string; id: string }[] = [];
  readonly #odd: string[] = [];
  readonly #orders: string[] = [];
  readonly #notes: { customer: string; body: string }[] = [];
  #count = 0;
  #random: number;

  constructor(writer: number, writers: number) {
    this.#writer = writer;
    this.#writers = writers;
    this.#random = writer + 1;
    for (let id = 1; id <= 600; id += 1) if (id % writers === writer) this.#customers.push(`${id}`);
    for (let id = 1; id <= 120; id += 1)
      if (id % writers === writer) this.#events.push({ day: `${id % 10}`, id: `${id}` });
    for (let id = 1; id <= 60; id += 1) if (id % writers === writer) this.#odd.push(`seed ${id}`);
  }

  /** A value that nobody writes again. */
  fresh(): string {
    this.#count += 1;
    return `${1_000_000 + this.#count * this.#writers + this.#writer}`;
  }

  /** True about once in so many times. */
  isTime(oneIn: number): boolean {
    return this.#draw(oneIn) === 0;
  }

  /** One to three effects. */
  next(): Effect[] {
    return Array.from({ length: 1 + this.#draw(3) }, () => this.#one());
  }

  #one(): Effect {
    const kinds = [
      () => this.#newCustomer(),
      () => this.#changeCustomer(),
      () => this.#changeCustomer(),
      () => this.#changeCustomer(),
      () => this.#changeKey(),
      () => this.#removeCustomer(),
      () => this.#order(),
      () => this.#order(),
      () => this.#oddName(),
      () => this.#note(),
      () => this.#draft(),
      () => this.#event(),
      () => this.#event(),
    ];
    return this.#pick(kinds)();
  }

  #newCustomer(): Effect {
    const id = this.fresh();
    this.#customers.push(id);
    const row = { id, name: `name ${id}`, balance: `${id}.5`, visits: id, ...this.#large(id) };
    return { kind: 'insert', table: 'customers', row: { ...emptyCustomer, ...row } };
  }

  #changeCustomer(): Effect {
    const value = this.fresh();
    const sets: Row[] = [
      { balance: `${value}.25` },
      { name: `name ${value}` },
      { email: this.isTime(4) ? null : `${value}@example.org` },
      { visits: value },
      { tags: `{t${value},"a b"}` },
      { profile: `{"n": ${value}, "list": [1, null]}` },
      this.#large(value),
    ];
    const where = { id: this.#pick(this.#customers) };
    return { kind: 'update', table: 'customers', where, set: this.#pick(sets) };
  }

  #changeKey(): Effect {
    const to = this.fresh();
    const at = this.#draw(this.#customers.length);
    const [from = ''] = this.#customers.splice(at, 1, to);
    return { kind: 'update', table: 'customers', where: { id: from }, set: { id: to } };
  }

  #removeCustomer(): Effect {
    if (this.#customers.length < 50) return this.#newCustomer();
    const [id = ''] = this.#customers.splice(this.#draw(this.#customers.length), 1);
    return { kind: 'delete', table: 'customers', where: { id } };
  }

  /** Tells the key that the server gave to a new order. */
  remember(order: string): void {
    this.#orders.push(order);
  }

  #order(): Effect {
    const id = this.fresh();
    if (this.#orders.length > 0 && this.isTime(2)) {
      const where = { id: this.#pick(this.#orders) };
      return { kind: 'update', table: 'orders', where, set: { note: `note ${id}` } };
    }
    const row = { customer_id: this.#pick(this.#customers), amount: `${id}.75`, note: null };
    return { kind: 'insert', table: 'orders', row };
  }

  #oddName(): Effect {
    const value = this.fresh();
    const table = 'Odd "Names"';
    if (this.isTime(3)) {
      this.#odd.push(`"${value}"`);
      const row = { Key: `"${value}"`, 'a b': "it's", SELECT: `back\\slash\n${value}` };
      return { kind: 'insert', table, row };
    }
    const where = { Key: this.#pick(this.#odd) };
    if (this.isTime(4)) return { kind: 'delete', table, where };
    return { kind: 'update', table, where, set: { 'a b': `ü€ ${value}` } };
  }

  #note(): Effect {
    const last = this.#notes.at(-1);
    if (last === undefined || this.isTime(2)) {
      const value = this.fresh();
      // Now and then the very same row once more.
      const row = last !== undefined && this.isTime(2) ? last : { customer: value, body: value };
      this.#notes.push(row);
      return { kind: 'insert', table: 'notes', row };
    }
    const where = { ...this.#pick(this.#notes) };
    if (this.isTime(2)) return { kind: 'delete', table: 'notes', where };
    const body = `changed ${this.fresh()}`;
    this.#notes.push({ customer: where.customer, body });
    return { kind: 'update', table: 'notes', where, set: { body } };
  }

  #draft(): Effect {
    const id = this.fresh();
    return { kind: 'insert', table: 'drafts', row: { id, body: `draft ${id}` } };
  }

  #event(): Effect {
    const id = this.fresh();
    const draw = this.#draw(4);
    if (draw === 0 || this.#events.length < 5) {
      const key = { day: `${this.#draw(10)}`, id };
      this.#events.push(key);
      return { kind: 'insert', table: 'events', row: { ...key, payload: `event ${id}` } };
    }
    const at = this.#draw(this.#events.length);
    const where = this.#events[at] ?? { day: '0', id };
    if (draw === 1) {
      this.#events.splice(at, 1);
      return { kind: 'delete', table: 'events', where };
    }
    if (draw === 2) return { kind: 'update', table: 'events', where, set: { payload: id } };
    // From one partition to another.
    const set = { day: `${(Number(where.day) + 5) % 10}` };
    this.#events[at] = { ...where, ...set };
    return { kind: 'update', table: 'events', where, set };
  }

  #large(value: string): Row {
    return { letter: `${value} `.repeat(6_000 / (value.length + 1)) };
  }

  #pick<T>(list: readonly T[]): T {
    const picked = list[this.#draw(list.length)];
    if (picked === undefined) throw new Error('nothing to pick from');
    return picked;
  }

  // Linear congruential: a run can be told again by its numbers.
  #draw(below: number): number {
    this.#random = (Math.imul(this.#random, 1_103_515_245) + 12_345) >>> 0;
    return (this.#random >>> 8) % below;
  }
}

const emptyCustomer = { email: null, tags: null, profile: null };
