// The ways back: one line for each.

import { code } from './code.ts';
import { pointInTime } from './point-in-time.ts';
import { rescue } from './rescue.ts';
import { restore } from './restore.ts';
import { tables } from './tables.ts';
import { undo } from './undo.ts';
import type { Way } from './way.ts';

/** All of them, in no order: the evidence says which is best. */
export const ways: readonly Way[] = [code, undo, rescue, tables, restore, pointInTime];
