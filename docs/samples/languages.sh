#!/usr/bin/env bash
# Writes one document in four languages (languages.LANG.md) and twenty held-out sentences with their round trip and three
# translations (languages.sentences.md), with `longhand`, that of the clone's .venv where none is on the PATH:
#     bash docs/samples/languages.sh CORPUS
set -euo pipefail
corpus=$(realpath "${1:?name the corpus, a folder made by: longhand corpus import}")
cd "$(dirname "${BASH_SOURCE[0]}")"
longhand=$(command -v longhand || realpath ../../.venv/bin/longhand)
"$longhand" write "How to share a folder on the network" --seed 7 --out languages.eng_Latn.md 2> languages.log
id=$(sed -n 's/^stored as \([a-z0-9]*\);.*/\1/p' languages.log)
rm languages.log
for lang in deu_Latn fra_Latn spa_Latn; do
    "$longhand" translate "$id" --lang "$lang" > /dev/null
    rm -f "languages.$lang.md"
    "$longhand" export "$id" --lang "$lang" --format md --out "languages.$lang.md"
done
"$(dirname "$longhand")/python" -W ignore languages.py "$corpus" > languages.sentences.md
