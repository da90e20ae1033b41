import { type CatalogRow, changes, type ObjectKind } from '../kind.ts';

interface Comment extends CatalogRow {
  /** As a literal. */
  readonly text: string;
}

export const comments: ObjectKind<Comment> = {
  kind: 'comment',
  query: `SELECT concat_ws('.', d.classoid::regclass, d.objoid, NULLIF(d.objsubid, 0)) AS id,
                 concat_ws('.', d.objoid, NULLIF(d.objsubid, 0)) AS parent,
                 CASE i.type WHEN 'table column' THEN 'COLUMN' WHEN 'view column' THEN 'COLUMN'
                             WHEN 'composite type column' THEN 'COLUMN' WHEN 'materialized view column' THEN 'COLUMN'
                             WHEN 'table constraint' THEN 'CONSTRAINT' WHEN 'domain constraint' THEN 'CONSTRAINT'
                             WHEN 'statistics object' THEN 'STATISTICS' ELSE upper(i.type) END
                   || ' ' || CASE i.type WHEN 'domain constraint' THEN replace(i.identity, ' on ', ' ON DOMAIN ')
                                         ELSE i.identity END AS name,
                 quote_literal(d.description) AS text
            FROM pg_description d CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) i
           WHERE (d.objoid >= 16384 OR d.classoid = 'pg_namespace'::regclass AND d.objoid = 'public'::regnamespace)
             AND i.schema IS DISTINCT FROM 'drydock' AND i.identity IS NOT NULL AND i.identity !~ '^drydock(\\.|$)'
             AND i.type <> 'extension' AND i.identity !~ ' on drydock\\.'
             AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = d.classoid AND x.objid = d.objoid AND x.deptype = 'e')
           ORDER BY name`,
  create: ({ name, text }) => changes(`COMMENT ON ${name} IS ${text}`),
  drop: ({ name }) => changes(`COMMENT ON ${name} IS NULL`),
  alter: (now, was) => changes(now.text !== was.text && `COMMENT ON ${was.name} IS ${was.text}`),
};
