#!/bin/sh
# All static checks, each of them even when an earlier one fails; the exit code says whether any did.
cd "$(dirname "$0")/.." || exit 1
result=0
for check in "ruff check ." "djangofmt --check templates" "mypy" "lint-imports"; do
    echo "== $check"
    # shellcheck disable=SC2086
    .venv/bin/$check || result=1
done
exit $result
