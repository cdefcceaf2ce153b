# SPDX-License-Identifier: Apache-2.0
# cmake -DFILE=a.json -DNAME=symbol -DHEADER=room/a.h -DOUT=FILE.c -P embed_text.cmake: a file as a C
# string `const char symbol[]`, which the header declares.
file(READ ${FILE} hex HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
file(WRITE ${OUT} "#include \"${HEADER}\"\n\nconst char ${NAME}[] = {\n${bytes}0};\n")
