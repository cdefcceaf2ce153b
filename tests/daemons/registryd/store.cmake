# SPDX-License-Identifier: Apache-2.0
# The tests of the stores.
add_library(test_store_support STATIC store_fixture.c)
target_include_directories(test_store_support PUBLIC ${CMAKE_SOURCE_DIR}/tests)
target_link_libraries(test_store_support PUBLIC registry_store test_sql_support test_base_support)

foreach(name entry_store entry_store_crash entry_store_json entry_store_sql entry_store_steps
    entry_store_threads)
  modelfleet_test(test_${name} SOURCES test_${name}.c LINK test_store_support)
endforeach()
set_tests_properties(test_entry_store test_entry_store_crash test_entry_store_sql
  test_entry_store_threads PROPERTIES SKIP_RETURN_CODE 77) # where there is no PostgreSQL
target_link_options(test_entry_store_json PRIVATE -Wl,--wrap=registry_file_read)
# The calls that change the disk count themselves in the one that dies at each of them.
foreach(call fsync rename write mkostemp fchmod)
  target_link_options(test_entry_store_steps PRIVATE -Wl,--wrap=${call})
endforeach()

modelfleet_fuzzer(fuzz_registry_file SOURCE fuzz_registry_file.c
  CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus_registry_file LINK registry_store)

modelfleet_test(test_entry_list SOURCES test_entry_list.c LINK registry_store)
modelfleet_fuzzer(fuzz_entry SOURCE fuzz_entry.c
  CORPUS ${CMAKE_CURRENT_SOURCE_DIR}/corpus_entry LINK registry_store)
