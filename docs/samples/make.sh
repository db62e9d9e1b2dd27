#!/usr/bin/env bash
# Writes the ten documents of this folder with `longhand`, that of the clone's .venv where none is on the PATH:
#     bash docs/samples/make.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
longhand=$(command -v longhand || echo ../../.venv/bin/longhand)
number=0
while IFS= read -r prompt; do
    number=$((number + 1))
    name=$(printf '%02d' "$number")
    rm -f "$name.md"
    "$longhand" write "$prompt" --seed 7 --out "$name.md" 2> "$name.log"
    id=$(sed -n 's/^stored as \([a-z0-9]*\);.*/\1/p' "$name.log")
    "$longhand" outline "$id" > "$name.outline.txt"
    rm "$name.log"
done < prompts.txt
