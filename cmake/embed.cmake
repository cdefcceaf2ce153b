# SPDX-License-Identifier: Apache-2.0
# cmake -DFILES=a;b -DOUT=FILE.c -P embed.cmake: files as a C table of struct page_file
# (daemons/registryd/page.h), each with a tag that changes with its content.
set(types .html "text/html\; charset=utf-8" .css "text/css\; charset=utf-8"
  .js "text/javascript\; charset=utf-8" .svg image/svg+xml)
set(arrays "")
set(rows "")
foreach(file ${FILES})
  get_filename_component(name ${file} NAME)
  get_filename_component(extension ${file} EXT)
  list(FIND types ${extension} at)
  if(at LESS 0)
    message(FATAL_ERROR "${file}: no type is known for ${extension}")
  endif()
  math(EXPR at "${at} + 1")
  list(GET types ${at} type)
  file(READ ${file} hex HEX)
  file(SHA256 ${file} digest)
  file(SIZE ${file} size)
  string(SUBSTRING ${digest} 0 16 tag)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  string(MAKE_C_IDENTIFIER ${name} symbol)
  string(APPEND arrays "static const unsigned char ${symbol}[] = {\n${bytes}};\n")
  string(APPEND rows
    "\t{\"${name}\", \"${type}\", \"\\\"${tag}\\\"\", ${symbol}, ${size}},\n")
endforeach()
file(WRITE ${OUT} "#include \"daemons/registryd/page.h\"\n\n${arrays}\n"
  "const struct page_file page_files[] = {\n${rows}\t{0},\n};\n")
