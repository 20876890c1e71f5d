#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""policy/ and agent/wire/ objects import nothing impure: purity.py OBJECT...
Undefined symbols (nm -u) must be on the list below or defined by another of the
objects. No I/O, no clock, no environment; allocation only where DESIGN allows
it (rule sets are built, never decisions: decide.o and lifeline.o may not)."""
import re, subprocess, sys

PURE = re.compile(
    r"^(mem(cpy|move|set|cmp|chr|rchr|mem)|str(n?len|n?cmp|n?casecmp|r?chr|chrnul|spn|cspn|pbrk|str)"
    r"|__(mem|st[rp])\w+_chk|bsearch|qsort|abort|__assert_fail|__stack_chk_fail"
    r"|__explicit_bzero_chk|explicit_bzero|_GLOBAL_OFFSET_TABLE_|__(v?sn)printf_chk|v?snprintf"
    r"|isalnum|isdigit|isxdigit|tolower|__ctype_\w+|strto(u?ll?|d)|__isoc\w+_strto\w+"
    r"|__(asan|ubsan|sanitizer)_\w+|__cpu_(model|indicator_init)|__errno_location)$")
ALLOC = re.compile(r"^(malloc|calloc|realloc|reallocarray|free|strdup|strndup)$")
CRYPTO = re.compile(r"^(EVP_|SHA\d|OPENSSL_cleanse|CRYPTO_memcmp|HMAC|ECDSA_|BN_|OSSL_PARAM_)\w*$")
NO_ALLOC = re.compile(r"/(decide|lifeline|json_out|record|explain|channel|span|verdict|hash)\.o$|agent/wire/")


def symbols(obj, kind):
    out = subprocess.run(["nm", kind, obj], capture_output=True, text=True, check=True)
    return {line.split()[-1] for line in out.stdout.splitlines() if line.strip()
            and not line.endswith(":")}


def main():
    objs = sys.argv[1:]
    if not objs:
        sys.exit("purity.py OBJECT...")
    own = set().union(*(symbols(o, "--defined-only") for o in objs))
    bad = 0
    for o in objs:
        for s in sorted(symbols(o, "-u") - own):
            if PURE.match(s) or CRYPTO.match(s):
                continue
            if ALLOC.match(s) and not NO_ALLOC.search(o):
                continue
            print(f"{o}: imports {s}")
            bad += 1
    print(f"purity: {len(objs)} objects, {bad} impure imports")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
