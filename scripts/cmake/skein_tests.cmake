# SPDX-License-Identifier: Apache-2.0
#
# How tests are registered. Every test runs through scripts/test_launch, which owns the environment, ends the test at its
# time-out and fails it when it leaves a process or a /dev/shm file behind.
#
#   skein_gtest(NAME name SOURCES file... [LIBRARIES target...] [LABELS label...] [TIMEOUT seconds]
#               [ENVIRONMENT VAR=value...] [OWN_MAIN] [NO_TEST] [VIRTUAL])
#     A GoogleTest executable `name`, linked to skein, and one CTest of the same name that runs it in one process. With
#     OWN_MAIN it brings its own main(). With NO_TEST only the executable is made, for use with skein_layout_test. With
#     VIRTUAL all its teams have one rank on each lane, and name.virtual runs it again with all ranks on one lane.
#
#   skein_layout_test(NAME name PROGRAM target [ARGUMENTS arg...] [PROCESSES p...] [RANKS r... | SIZES s...] [WAIT w...]
#                     [LANES l...] [LABELS label...] [TIMEOUT seconds] [ENVIRONMENT VAR=value...]
#                     [EXPECT launcher-option...])
#     One CTest for every combination of processes, ranks, lanes and wait policy. Each rank has its own lane unless LANES
#     gives a number for each process. RANKS counts ranks per process; 1+3 gives
#     process 0 one rank and process 1 three (so it needs PROCESSES 2). SIZES counts ranks of the whole team instead,
#     dealt out as evenly as possible; teams smaller than the processes are left out. The program finds SKEIN_RANKS and
#     SKEIN_WAIT set, and SKEIN_TEST_PROCESSES and SKEIN_TEST_SIZE to compare with what it got. EXPECT takes launcher
#     options, such as --exit 5 --stderr "rank 3". Without MPI in the build, only one process is registered.
#
#   skein_program_test(NAME name PROGRAM target [ARGUMENTS arg...] ...)
#     The same for one run in one process, without SKEIN_RANKS or SKEIN_WAIT being set.
#
# Labels with a meaning to scripts/test: `full` (many layouts, release build only), `timing` (measures; release build only,
# runs alone), `check` (format, tidy, layers; once), `mpi` (several processes; under MPICH as well; given by itself).
# Everything else is short: it runs under the sanitizers as well. The targets mpi_programs and short_programs build what the
# tests of the label mpi and the short ones run: who registers a test with add_test() tells them by skein_test_runs().
set(skein_test_launch "${PROJECT_SOURCE_DIR}/scripts/test_launch")
set(SKEIN_TEST_TIMEOUT 120 CACHE STRING "Seconds a test may take unless it states its own TIMEOUT")

add_custom_target(mpi_programs)
add_custom_target(short_programs)

# A test of these labels runs a target.
function(skein_test_runs target)
  if("mpi" IN_LIST ARGN)
    add_dependencies(mpi_programs ${target})
  endif()
  if(NOT "${ARGN}" MATCHES "full|timing|check")
    add_dependencies(short_programs ${target})
  endif()
endfunction()

# Registers one CTest; `ranks` is the spec of --ranks, or empty.
function(skein_register_test name target processes ranks size wait)
  cmake_parse_arguments(PARSE_ARGV 6 arg "" "TIMEOUT;LANES" "ARGUMENTS;LABELS;ENVIRONMENT;EXPECT")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT ${SKEIN_TEST_TIMEOUT})
  endif()
  set(launch --timeout ${arg_TIMEOUT} --processes ${processes})
  if(processes GREATER 1)
    list(APPEND launch --mpiexec "${MPIEXEC_EXECUTABLE}")
    list(APPEND arg_LABELS mpi)
  endif()
  skein_test_runs(${target} ${arg_LABELS})
  if(ranks)
    list(APPEND launch --ranks ${ranks})
  endif()
  if(arg_LANES)
    list(APPEND launch --lanes ${arg_LANES})
  endif()
  if(wait)
    list(APPEND launch --wait ${wait})
  endif()
  add_test(NAME "${name}" COMMAND "${skein_test_launch}" ${launch} ${arg_EXPECT} -- $<TARGET_FILE:${target}> ${arg_ARGUMENTS})
  # The launcher's own limit comes first, so that it can say what hangs; CTest's is the net below it.
  math(EXPR outer "${arg_TIMEOUT} + 30")
  set(processors 1)
  if(size GREATER 1)
    set(processors 2)
  endif()
  set_tests_properties("${name}" PROPERTIES TIMEOUT ${outer} PROCESSORS ${processors} LABELS "${arg_LABELS}"
                                            ENVIRONMENT "${arg_ENVIRONMENT}"
                                            COST ${arg_TIMEOUT})  # the longest first
  if("timing" IN_LIST arg_LABELS)
    set_tests_properties("${name}" PROPERTIES RUN_SERIAL ON)
  endif()
endfunction()

function(skein_gtest)
  cmake_parse_arguments(PARSE_ARGV 0 arg "OWN_MAIN;NO_TEST;VIRTUAL" "NAME;TIMEOUT" "SOURCES;LIBRARIES;LABELS;ENVIRONMENT")
  add_executable(${arg_NAME} ${arg_SOURCES})
  target_include_directories(${arg_NAME} PRIVATE "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(${arg_NAME} PRIVATE skein::skein ${arg_LIBRARIES} $<IF:$<BOOL:${arg_OWN_MAIN}>,GTest::gtest,GTest::gtest_main>)
  target_compile_definitions(${arg_NAME} PRIVATE SKEIN_HAS_MPI=$<BOOL:${SKEIN_HAS_MPI}>)
  if(NOT arg_NO_TEST)
    # A team test fills the machine whatever its size, so count it as two processors.
    set(lanes "")
    if(arg_VIRTUAL)
      set(lanes SKEIN_LANES=each)
      skein_register_test(${arg_NAME}.virtual ${arg_NAME} 1 "" 2 "" TIMEOUT "${arg_TIMEOUT}" LABELS ${arg_LABELS}
                          ENVIRONMENT ${arg_ENVIRONMENT} SKEIN_LANES=1)
    endif()
    skein_register_test(${arg_NAME} ${arg_NAME} 1 "" 2 "" TIMEOUT "${arg_TIMEOUT}" LABELS ${arg_LABELS}
                        ENVIRONMENT ${arg_ENVIRONMENT} ${lanes})
  endif()
endfunction()

function(skein_program_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;PROGRAM;TIMEOUT" "ARGUMENTS;LABELS;ENVIRONMENT;EXPECT")
  skein_register_test(${arg_NAME} ${arg_PROGRAM} 1 "" 2 "" TIMEOUT "${arg_TIMEOUT}" ARGUMENTS ${arg_ARGUMENTS}
                      LABELS ${arg_LABELS} ENVIRONMENT ${arg_ENVIRONMENT} EXPECT ${arg_EXPECT})
endfunction()

# Sets `spec` (such as 2+1) and `size` in the caller for a team of `total` ranks in `processes`; `spec` is empty if too few.
function(skein_deal_ranks total processes)
  set(terms "")
  if(total GREATER_EQUAL processes)
    math(EXPR share "${total} / ${processes}")
    math(EXPR larger "${total} % ${processes}")
    math(EXPR last "${processes} - 1")
    foreach(process RANGE ${last})
      if(process LESS larger)
        math(EXPR ranks "${share} + 1")
      else()
        set(ranks ${share})
      endif()
      list(APPEND terms ${ranks})
    endforeach()
  endif()
  list(JOIN terms "+" spec)
  set(spec "${spec}" PARENT_SCOPE)
  set(size ${total} PARENT_SCOPE)
endfunction()

# Sets `spec` and `size` in the caller for a RANKS item; `spec` is empty if it does not fit the number of processes.
function(skein_repeat_ranks item processes)
  string(REPLACE "+" ";" terms "${item}")
  list(LENGTH terms count)
  if(count EQUAL 1)
    math(EXPR total "${item} * ${processes}")
    skein_deal_ranks(${total} ${processes})
  elseif(count EQUAL processes)
    string(REPLACE "+" " + " sum "${item}")
    math(EXPR size "${sum}")
    set(spec "${item}")
  else()
    set(spec "")
  endif()
  set(spec "${spec}" PARENT_SCOPE)
  set(size "${size}" PARENT_SCOPE)
endfunction()

function(skein_layout_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;PROGRAM;TIMEOUT"
                        "ARGUMENTS;PROCESSES;RANKS;SIZES;LANES;WAIT;LABELS;ENVIRONMENT;EXPECT")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_NAME OR NOT arg_PROGRAM OR (arg_RANKS AND arg_SIZES))
    message(FATAL_ERROR "skein_layout_test ${arg_NAME}: needs NAME and PROGRAM, and RANKS or SIZES but not both; "
                        "unknown here: '${arg_UNPARSED_ARGUMENTS}'")
  endif()
  if(NOT arg_PROCESSES)
    set(arg_PROCESSES 1)
  endif()
  if(NOT arg_RANKS AND NOT arg_SIZES)
    set(arg_RANKS 1)
  endif()
  if(NOT arg_LANES)
    set(arg_LANES each)
  endif()
  if(NOT arg_WAIT)
    set(arg_WAIT auto)
  endif()
  foreach(processes IN LISTS arg_PROCESSES)
    if(processes GREATER 1 AND NOT SKEIN_HAS_MPI)
      continue()
    endif()
    foreach(item IN LISTS arg_RANKS arg_SIZES)
      if(arg_SIZES)
        skein_deal_ranks(${item} ${processes})
      else()
        skein_repeat_ranks(${item} ${processes})
      endif()
      if(spec STREQUAL "")
        continue()
      endif()
      foreach(lanes IN LISTS arg_LANES)
        set(on_lanes "")
        if(NOT lanes STREQUAL "each")
          set(on_lanes "on${lanes}.")
        endif()
        foreach(wait IN LISTS arg_WAIT)
          skein_register_test("${arg_NAME}.${processes}p.${spec}r.${on_lanes}${wait}" ${arg_PROGRAM} ${processes} ${spec} ${size}
            ${wait} LANES ${lanes} TIMEOUT "${arg_TIMEOUT}" ARGUMENTS ${arg_ARGUMENTS} LABELS ${arg_LABELS}
            ENVIRONMENT ${arg_ENVIRONMENT} EXPECT ${arg_EXPECT})
        endforeach()
      endforeach()
    endforeach()
  endforeach()
endfunction()
