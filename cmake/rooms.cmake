# A room is one folder = one static library. Each stands on a floor; it may use only rooms of lower floors, so the arrows of the house
# all point down. Linking upward or sideways stops the configuration here; including upward or sideways stops the build in
# tests/tidy/floors.py, which reads the same floors from this file.

set(ECHOLOOP_FLOORS
  "base:1" "statistics:1" "text:1" "settings:1"
  "stage:2" "aggregates:2" "schemas:2"
  "processors:3" "http:3" "engine:3" "store:3"
  "intake:4" "local:4" "kafka:4" "serving:4" "delivery:4" "sample:4"
  "program:5")

# base is the ground that the other rooms of floor 1 may stand on.
function(echoloop_floor room out)
  foreach(entry ${ECHOLOOP_FLOORS})
    if(entry MATCHES "^${room}:([0-9]+)$")
      set(${out} ${CMAKE_MATCH_1} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  message(FATAL_ERROR "room '${room}' stands on no floor: add it to ECHOLOOP_FLOORS in cmake/rooms.cmake")
endfunction()

# echoloop_room(<room> USES <rooms…> LINKS <external targets…>): a static library of every .cc of this folder (and below).
function(echoloop_room room)
  cmake_parse_arguments(ARG "" "" "USES;LINKS;SOURCES" ${ARGN})
  echoloop_floor(${room} own)
  foreach(used ${ARG_USES})
    echoloop_floor(${used} theirs)
    if(NOT theirs LESS own AND NOT (used STREQUAL "base" AND own EQUAL 1))
      message(FATAL_ERROR "room '${room}' (floor ${own}) may not use '${used}' (floor ${theirs}): arrows point down only")
    endif()
  endforeach()
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  list(APPEND sources ${ARG_SOURCES})
  list(TRANSFORM ARG_USES PREPEND echoloop_)
  if(sources)
    add_library(echoloop_${room} STATIC ${sources})
    target_link_libraries(echoloop_${room} PUBLIC ${ARG_USES} ${ARG_LINKS})
  else()
    add_library(echoloop_${room} INTERFACE)
    target_link_libraries(echoloop_${room} INTERFACE ${ARG_USES} ${ARG_LINKS})
  endif()
endfunction()

# echoloop_test(<name> ROOMS <rooms…> [LABELS fast|slow|thread…] [LINKS …]): every .cc of this folder as one GoogleTest program.
function(echoloop_test name)
  cmake_parse_arguments(ARG "" "" "ROOMS;LINKS;LABELS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  add_executable(test_${name} ${sources})
  list(TRANSFORM ARG_ROOMS PREPEND echoloop_)
  target_link_libraries(test_${name} PRIVATE ${ARG_ROOMS} ${ARG_LINKS} GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_definitions(test_${name} PRIVATE ECHOLOOP_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  # What a test does itself need not be fast, but is to compile fast.
  if(NOT ECHOLOOP_SANITIZE)
    target_compile_options(test_${name} PRIVATE -O1)
  endif()
  add_test(NAME ${name} COMMAND test_${name})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT 600)
endfunction()
