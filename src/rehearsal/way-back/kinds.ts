// Every kind of object that the way back knows, in the order in which they are made; they are taken away
// in the opposite one. Where that order is wrong, the round after makes good (invert.ts).

import { anyKind, type ObjectKind } from './kind.ts';
import { columns } from './kinds/columns.ts';
import { comments } from './kinds/comments.ts';
import { composites } from './kinds/composites.ts';
import { constraints } from './kinds/constraints.ts';
import { domains } from './kinds/domains.ts';
import { enums } from './kinds/enums.ts';
import { extensions } from './kinds/extensions.ts';
import { grants } from './kinds/grants.ts';
import { indexes } from './kinds/indexes.ts';
import { others } from './kinds/others.ts';
import { policies } from './kinds/policies.ts';
import { routines } from './kinds/routines.ts';
import { rules } from './kinds/rules.ts';
import { schemas } from './kinds/schemas.ts';
import { sequences } from './kinds/sequences.ts';
import { statistics } from './kinds/statistics.ts';
import { tables } from './kinds/tables.ts';
import { triggers } from './kinds/triggers.ts';
import { views } from './kinds/views.ts';

export const kinds: readonly ObjectKind[] = [
  anyKind(schemas),
  anyKind(extensions),
  anyKind(enums),
  anyKind(domains),
  anyKind(composites),
  anyKind(sequences),
  anyKind(tables),
  anyKind(columns),
  anyKind(others),
  anyKind(routines),
  anyKind(constraints),
  anyKind(indexes),
  anyKind(statistics),
  anyKind(views),
  anyKind(rules),
  anyKind(triggers),
  anyKind(policies),
  anyKind(comments),
  anyKind(grants),
];
