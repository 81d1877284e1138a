#!/usr/bin/env bash
# Writes the bytes that the GNU assembler gives for each case of AssemblerTest, with its text.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/engines/onednn/src/test
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tr '\n' ' ' <"$root/java/dev/gamelan/onednn/asm/AssemblerTest.java" |
  grep -oE '[ ](both|vex|evex)\( *"[^"]*"' |
  sed -E 's/^ *([a-z]+)\( *"(.*)"$/\1 \2/; s/^both //; s/^vex /{vex3} {disp32} /; s/^evex /{evex} {disp32} /' >"$work/cases"
while IFS= read -r text; do
  printf '.intel_syntax noprefix\n%s\n' "$text" >"$work/one.s"
  as -o "$work/one.o" "$work/one.s"
  objcopy -O binary -j .text "$work/one.o" "$work/one.bin"
  printf '%s  %s\n' "$(od -An -v -tx1 "$work/one.bin" | tr -d ' \n')" "$text"
done <"$work/cases" >"$root/resources/dev/gamelan/onednn/asm/encodings.txt"
