#!/bin/sh
# Takes teacher mode out of a copy of the backend, so that the runbook's example can be played from
# its beginning: sh demo/before-teacher-mode.sh path/to/copy/backend
set -eu
cd "${1:?name the folder of a copy of the backend}"
rm migrations/008_add_teacher_mode.sql src/features/teachers.ts
sed -e '/teachers.ts/d' -e 's/, teachers//' src/features/index.ts >src/features/index.ts.new
mv src/features/index.ts.new src/features/index.ts
